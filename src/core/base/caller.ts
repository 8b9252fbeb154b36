/** In ascending order: each role has all rights of the role before it. */
export const roles = ['viewer', 'member', 'approver', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What a token may do: call models, run operations that read, run every operation. */
export const scopes = ['call', 'read', 'operate'] as const;
export type Scope = (typeof scopes)[number];

export type Source = 'cli' | 'mcp' | 'slack' | 'http' | 'system';

export interface Person {
  id: string;
  name: string;
  role: Role;
}

/** Who acts. A front end finds this out and passes it to `execute` with the input. */
export interface Caller {
  person: Person;
  /** The identity that the person used: `local`, `token:<id>`, `slack:<team>/<user>`. */
  identity: string;
  /** True if a program acts for the person, as everything over MCP does. An agent can ask and never decide. */
  agent: boolean;
  /**
   * True if decisions of this caller count: the local person at the terminal (identity `local`, source `cli`), a person
   * in Slack, a token that was made to decide. Never true over MCP or for an agent.
   */
  mayDecide: boolean;
  source: Source;
  scopes: readonly Scope[];
}

/** How a vote was made: at the server's own terminal, on a one-time page, in Slack, or with a token. */
export const assurances = ['terminal', 'page', 'slack', 'token'] as const;
export type Assurance = (typeof assurances)[number];

/** How a decision of this caller is made. It follows from how they signed in, so that nobody can claim another one. */
export function assuranceOf({ identity, source }: Pick<Caller, 'identity' | 'source'>): Assurance {
  if (identity.startsWith('token:')) return 'token';
  if (source === 'slack') return 'slack';
  return identity === 'local' && source === 'cli' ? 'terminal' : 'page';
}

export function atLeast(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

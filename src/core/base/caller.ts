/** From least to most: each role may do all that the one before it may. */
export const roles = ['viewer', 'member', 'approver', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What a token may be used for: calling models, reading through operations, running every operation. */
export const scopes = ['call', 'read', 'operate'] as const;
export type Scope = (typeof scopes)[number];

export type Source = 'cli' | 'mcp' | 'slack' | 'http' | 'system';

export interface Person {
  id: string;
  name: string;
  role: Role;
}

/** Who acts, as a front end found out: the only thing besides the input that it hands to `execute`. */
export interface Caller {
  person: Person;
  /** Which of the person's identities was used: `local`, `token:<id>`, `slack:<team>/<user>`. */
  identity: string;
  /** True where something acts for the person (whatever comes over MCP): it can ask, never decide. */
  agent: boolean;
  /**
   * True where decisions of this caller count: the local person at the terminal (identity `local`, source `cli`),
   * somebody in Slack, a token made to decide. Never over MCP, never for an agent.
   */
  mayDecide: boolean;
  source: Source;
  scopes: readonly Scope[];
}

export function atLeast(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

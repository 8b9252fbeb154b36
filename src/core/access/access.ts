import type { Caller, Person, Scope } from './caller.ts';

/** A token as its owner may see it: never the value, which is shown once when it is made. */
export interface TokenSummary {
  id: string;
  name: string;
  person: string;
  scopes: Scope[];
  created_at: string;
  last_used_at?: string;
}

/** Who somebody is and what their tokens allow. */
export interface Access {
  /** The person at this machine's terminal. */
  local(): Promise<Person>;
  /** The caller behind a bearer token (the local token or an `eco_…` one), or undefined for a token that is not good. */
  callerOfToken(token: string, source: Caller['source']): Promise<Caller | undefined>;
  /** The person behind a Slack user, or undefined for somebody the config does not list. */
  personOfSlack(team: string, user: string): Promise<Person | undefined>;
  createToken(
    person: Person,
    name: string,
    scopes: readonly Scope[],
  ): Promise<{ token: string; summary: TokenSummary }>;
  listTokens(): Promise<TokenSummary[]>;
  /** Throws `token_not_found` for an unknown id or name. */
  revokeToken(idOrName: string): Promise<TokenSummary>;
}

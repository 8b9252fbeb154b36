import type { Caller, Person, Role, Scope } from '../base/caller.ts';

/** A token as its owner may see it: never the value, which is shown once when it is made. */
export interface TokenSummary {
  id: string;
  name: string;
  person: string;
  scopes: Scope[];
  /** True where something acts for the person with it: it can ask, never decide. */
  agent: boolean;
  /** True where approvals given with it count. */
  may_decide: boolean;
  created_at: string;
  last_used_at?: string;
}

/** What a token is, besides its scopes. */
export interface TokenKind {
  agent?: boolean | undefined;
  mayDecide?: boolean | undefined;
}

/** Who counts, as a policy names them. */
export interface Who {
  /** Names, as under `people` in the config. */
  people?: readonly string[] | undefined;
  /** Names, as under `groups` in the config. */
  groups?: readonly string[] | undefined;
  /** Whoever has one of these roles or a greater one. */
  roles?: readonly Role[] | undefined;
}

/** What can be asked about a Slack user group. Slack implements it; without it a group gives nothing. */
export interface GroupLookup {
  /** Identities (`slack:T1/U1`) of the members of `T1/S123`; undefined where that cannot be looked up now. */
  members(group: string): Promise<readonly string[] | undefined>;
  /** False where the account behind a Slack identity is deactivated, a guest's or a bot's; undefined where nobody can say. */
  active(identity: string): Promise<boolean | undefined>;
}

/** A place in Slack: a workspace, the organisation that it belongs to, or both. */
export interface SlackWorkspace {
  team?: string | undefined;
  enterprise?: string | undefined;
}

/** Who somebody is, what role they have now, and what their tokens allow. */
export interface Access {
  /** The person at this machine's terminal. */
  local(): Promise<Person>;
  /** The person with the role of this moment, the config read afresh; undefined for somebody who has none any more. */
  current(personId: string): Promise<Person | undefined>;
  /** Everybody whom that names, each once, with the role of this moment; who has none is left out. */
  membersOf(who: Who): Promise<Person[]>;
  /** Everything that a person is known by, such as `local` and `slack:T1/U1`. */
  identitiesOf(personId: string): Promise<readonly string[]>;
  /** The caller behind a bearer token (the local token or an `eco_…` one), or undefined for a token that is not good. */
  callerOfToken(token: string, source: Caller['source']): Promise<Caller | undefined>;
  /** The person behind a Slack user, or undefined for somebody to whom nothing gives a role. */
  personOfSlack(team: string, user: string): Promise<Person | undefined>;
  /**
   * True where the config lists the workspace or organisation. With nothing listed, true where the app has one token of
   * one workspace, and false where it can be installed.
   */
  admitsWorkspace(place: SlackWorkspace): boolean;
  /** Slack lends this when it connects. */
  lookUpGroupsWith(lookup: GroupLookup): void;
  /** Throws `bad_field` for a name or a kind that cannot be, `token_exists`. */
  createToken(
    person: Person,
    name: string,
    scopes: readonly Scope[],
    kind?: TokenKind,
  ): Promise<{ token: string; summary: TokenSummary }>;
  /** One person's, or everybody's. */
  listTokens(personId?: string): Promise<TokenSummary[]>;
  /** Throws `token_not_found` for an unknown id or name, `token_ambiguous`. */
  revokeToken(idOrName: string): Promise<TokenSummary>;
}

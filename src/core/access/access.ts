import type { Caller, Person, Role, Scope } from '../base/caller.ts';

/** A token without its value, which is shown only once, when it is made. */
export interface TokenSummary {
  id: string;
  name: string;
  person: string;
  scopes: Scope[];
  /** True if an assistant uses it for the person: it can ask, but never decide. */
  agent: boolean;
  /** True if approvals given with it count. */
  may_decide: boolean;
  created_at: string;
  /** Absent: it is older than expiry, and never expires. */
  expires_at?: string | undefined;
  /** `terminal`, `slack`, or the id of the token that made it. Absent if unknown. */
  made_by?: string | undefined;
  /** Ids of the tokens that it made and that are not revoked. */
  made: string[];
  last_used_at?: string | undefined;
}

/** A revoked token, and the names of the tokens that it had made, directly or not. They are revoked with it. */
export interface RevokedToken extends TokenSummary {
  also_revoked: string[];
}

/** The properties of a token besides its scopes. */
export interface TokenKind {
  agent?: boolean | undefined;
  mayDecide?: boolean | undefined;
  /** Such as `30d`. Default: what the configuration says. */
  expiresIn?: string | undefined;
  /** The identity that makes it. A token that it is made with bounds its scopes and its expiry. */
  madeBy?: string | undefined;
}

/** The people that a policy names. */
export interface PeopleSelector {
  /** Names from `people` in the config. */
  people?: readonly string[] | undefined;
  /** Names from `groups` in the config. */
  groups?: readonly string[] | undefined;
  /** Everybody with one of these roles or a higher one. */
  roles?: readonly Role[] | undefined;
}

/** Looks up Slack user groups and accounts. The Slack front end implements it. Without it, Slack groups give no role. */
export interface GroupLookup {
  /** Identities (`slack:T1/U1`) of the members of `T1/S123`. Undefined if the lookup is not possible now. */
  members(group: string): Promise<readonly string[] | undefined>;
  /** False if the account is deactivated, or belongs to a guest or a bot. Undefined if the lookup is not possible now. */
  active(identity: string): Promise<boolean | undefined>;
}

/** A Slack workspace, the organisation that it belongs to, or both. */
export interface SlackWorkspace {
  team?: string | undefined;
  enterprise?: string | undefined;
}

/** Who somebody is, which role they have now, and what their tokens allow. */
export interface Access {
  /** The person at this machine's terminal. */
  local(): Promise<Person>;
  /** The person with their present role. It reads the config again. Undefined if they have no role. */
  current(personId: string): Promise<Person | undefined>;
  /** The people that the selector names, each once, with their present roles. People without a role are left out. */
  membersOf(selector: PeopleSelector): Promise<Person[]>;
  /** The identities of a person, such as `local` and `slack:T1/U1`. */
  identitiesOf(personId: string): Promise<readonly string[]>;
  /** The caller behind a bearer token (the local one or `eco_…`). Undefined if the token is unknown or revoked. Throws `token_expired`. */
  callerOfToken(token: string, source: Caller['source']): Promise<Caller | undefined>;
  /** The person behind a Slack user. Undefined if nothing gives them a role. */
  personOfSlack(team: string, user: string): Promise<Person | undefined>;
  /**
   * True if the config lists the workspace or organisation. If it lists none: true if the app has the token of a single
   * workspace, false if people can install it.
   */
  admitsWorkspace(workspace: SlackWorkspace): boolean;
  /** The Slack front end calls it when it connects. */
  lookUpGroupsWith(lookup: GroupLookup): void;
  /** Throws `bad_field`, `token_exists`, `scope_missing`, `invalid_token`. */
  createToken(
    person: Person,
    name: string,
    scopes: readonly Scope[],
    kind?: TokenKind,
  ): Promise<{ token: string; summary: TokenSummary }>;
  /** The tokens of one person, or of everybody. */
  listTokens(personId?: string): Promise<TokenSummary[]>;
  /** Revokes the tokens that it made, too. Throws `token_not_found`, `token_ambiguous`. */
  revokeToken(idOrName: string): Promise<RevokedToken>;
}

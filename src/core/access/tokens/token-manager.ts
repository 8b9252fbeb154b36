import type { AuditLog } from '../../audit/audit.ts';
import { fail } from '../../base/errors.ts';
import type { Access, TokenSummary } from '../access.ts';
import { auditedAs } from '../audited-as.ts';
import { atLeast } from '../../base/caller.ts';
import type { Caller, Scope } from '../../base/caller.ts';
import { needDecider, needScope } from '../rights.ts';
import { pickToken } from './table.ts';

export interface NewToken {
  name: string;
  scopes: readonly Scope[];
  agent?: boolean | undefined;
  may_decide?: boolean | undefined;
}

export interface MadeToken {
  /** The value, shown this once. */
  token: string;
  summary: TokenSummary;
}

/** What people do with tokens, which is no operation: a value never goes through one. People manage their own, admins everybody's. */
export interface TokenManager {
  /** Throws `person_needed`, `scope_missing`, `may_not_decide`, `bad_field`, `token_exists`. */
  create(input: NewToken, caller: Caller): Promise<MadeToken>;
  list(caller: Caller): Promise<TokenSummary[]>;
  /** Throws `token_not_found`, `token_ambiguous`. */
  revoke(idOrName: string, caller: Caller): Promise<TokenSummary>;
  /** Throws where this caller may make none, whatever its name. */
  mayManage(caller: Caller): void;
}

export interface TokenManagerDeps {
  access: Access;
  audit: AuditLog;
  now: () => Date;
}

export function createTokenManager(parts: TokenManagerDeps): TokenManager {
  const { access } = parts;
  return {
    async create(input, caller) {
      needPerson(caller);
      // Otherwise a token could make itself a stronger one.
      for (const scope of input.scopes) needScope(caller, scope);
      if (input.may_decide === true) needDecider(caller);
      const { name, scopes, agent, may_decide: mayDecide } = input;
      const told = { name: name.slice(0, 64), scopes, agent, may_decide: mayDecide };
      return auditedAs(parts, caller, 'create_token', told, () =>
        access.createToken(caller.person, name, scopes, { agent, mayDecide }),
      );
    },
    async list(caller) {
      needPerson(caller);
      return access.listTokens(reachOf(caller));
    },
    async revoke(idOrName, caller) {
      needPerson(caller);
      const { id, name, person } = pickToken(await access.listTokens(reachOf(caller)), idOrName, caller.person.name);
      return auditedAs(parts, caller, 'revoke_token', { token: id, name, person }, () => access.revokeToken(id));
    },
    mayManage: needPerson,
  };
}

/** Whose tokens they see: everybody's for an admin. */
function reachOf({ person }: Caller): string | undefined {
  return atLeast(person.role, 'admin') ? undefined : person.id;
}

/** No agent: a token decides who may act. */
function needPerson(caller: Caller): void {
  needScope(caller, 'operate');
  if (!caller.agent) return;
  throw fail('person_needed', 'An assistant cannot manage tokens.', {
    nextStep: 'Do it yourself with "ecolink token create|list|revoke".',
  });
}

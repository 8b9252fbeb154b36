import { atLeast } from '../../base/caller.ts';
import type { Caller, Scope } from '../../base/caller.ts';
import { fail } from '../../base/errors.ts';
import { say, task } from '../../base/prose.ts';
import type { Access, RevokedToken, TokenSummary } from '../access.ts';
import { auditedAs } from '../audited-as.ts';
import type { AuditedDeps } from '../audited-as.ts';
import { needDecider, needScope } from '../rights.ts';
import { pickToken } from './table.ts';

export interface NewToken {
  name: string;
  scopes: readonly Scope[];
  agent?: boolean | undefined;
  may_decide?: boolean | undefined;
  /** Such as `30d`. Default: what the configuration says. */
  expires_in?: string | undefined;
}

export interface MadeToken {
  /** The value. Nobody can see it again. */
  token: string;
  summary: TokenSummary;
}

/** Making and revoking tokens. These are no operations: no value of a token goes through one. People manage their own tokens, admins all. */
export interface TokenManager {
  /** Throws `person_needed`, `scope_missing`, `may_not_decide`, `bad_field`, `token_exists`. */
  create(input: NewToken, caller: Caller): Promise<MadeToken>;
  list(caller: Caller): Promise<TokenSummary[]>;
  /** Revokes the tokens that it made, too. Throws `token_not_found`, `token_ambiguous`. */
  revoke(idOrName: string, caller: Caller): Promise<RevokedToken>;
  /** Throws `person_needed`, `scope_missing`. */
  mayManage(caller: Caller): void;
}

export interface TokenManagerDeps extends AuditedDeps {
  access: Access;
}

export function createTokenManager(deps: TokenManagerDeps): TokenManager {
  const { access } = deps;
  return {
    async create(input, caller) {
      needPerson(caller);
      // Otherwise a token could make a stronger one.
      for (const scope of input.scopes) needScope(caller, scope);
      if (input.may_decide === true) needDecider(caller);
      const { name, scopes, agent, may_decide: mayDecide, expires_in: expiresIn } = input;
      const expiry = expiresIn?.slice(0, 40);
      const audited = { name: name.slice(0, 64), scopes, agent, may_decide: mayDecide, expires_in: expiry };
      const kind = { agent, mayDecide, expiresIn, madeBy: caller.identity };
      return auditedAs(deps, caller, 'create_token', audited, () =>
        access.createToken(caller.person, name, scopes, kind),
      );
    },
    async list(caller) {
      needPerson(caller);
      return access.listTokens(ownerFilter(caller));
    },
    async revoke(idOrName, caller) {
      needPerson(caller);
      const tokens = await access.listTokens(ownerFilter(caller));
      const { id, name, person } = pickToken(tokens, idOrName, caller.person.name);
      const revoked = await auditedAs(deps, caller, 'revoke_token', { token: id, name, person }, () =>
        access.revokeToken(id),
      );
      for (const child of revoked.also_revoked)
        await auditedAs(deps, caller, 'revoke_token', { name: child, person, made_by: id }, async () => undefined);
      return revoked;
    },
    mayManage: needPerson,
  };
}

/** Admins see the tokens of everybody, other people only their own. */
function ownerFilter({ person }: Caller): string | undefined {
  return atLeast(person.role, 'admin') ? undefined : person.id;
}

/** An assistant is refused, because a token says who may act. */
function needPerson(caller: Caller): void {
  needScope(caller, 'operate');
  if (!caller.agent) return;
  throw fail('person_needed', 'An assistant cannot manage tokens.', {
    nextStep: say`Do it yourself, without the assistant. To begin: ${task('list_tokens')}.`,
  });
}

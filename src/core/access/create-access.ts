import { scopes as allScopes } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';
import type { NewId } from '../base/ids.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import type { People } from './people/people.ts';
import { localToken } from './tokens/local-token.ts';
import { createToken } from './tokens/create-token.ts';
import type { TokenLimits } from './tokens/create-token.ts';
import { findToken, listTokens, revokeToken } from './tokens/table.ts';
import { hashOf } from './tokens/token-hash.ts';

export interface AccessDeps {
  people: People;
  store: Store;
  dataDir: string;
  /** How long tokens may be valid, by the present configuration. */
  tokenLimits: () => TokenLimits;
  now: () => Date;
  newId: NewId;
  /** Called after a token was made or revoked. */
  changed: () => void;
}

export function createAccess(deps: AccessDeps): Access {
  const { people, store, dataDir } = deps;
  const localHash = hashOf(localToken(dataDir));
  return {
    local: () => people.local(),
    current: (personId) => people.current(personId),
    membersOf: (selector) => people.membersOf(selector),
    identitiesOf: (personId) => people.identitiesOf(personId),
    personOfSlack: (team, user) => people.personOfSlack(team, user),
    admitsWorkspace: (workspace) => people.admitsWorkspace(workspace),
    lookUpGroupsWith: (lookup) => people.lookUpGroupsWith(lookup),
    async callerOfToken(token, source) {
      if (hashOf(token) === localHash) return localCaller(people, source);
      const found = await findToken(deps, token);
      const person = found && (await people.current(found.personId));
      if (!person) return undefined;
      const agent = found.agent || source === 'mcp';
      const identity = `token:${found.id}`;
      return { person, identity, agent, mayDecide: found.mayDecide && !agent, source, scopes: found.scopes };
    },
    createToken: async (...token) => {
      const made = await createToken(deps, ...token);
      deps.changed();
      return made;
    },
    listTokens: (personId) => listTokens(store, personId),
    revokeToken: async (idOrName) => {
      const revoked = await revokeToken(deps, idOrName);
      deps.changed();
      return revoked;
    },
  };
}

/** The person at the terminal may decide. Another program that sends the local token may do everything else. */
async function localCaller(people: People, source: Caller['source']): Promise<Caller | undefined> {
  const person = await people.current((await people.local()).id);
  if (!person) return undefined;
  const agent = source === 'mcp';
  return { person, identity: 'local', agent, mayDecide: source === 'cli', source, scopes: allScopes };
}

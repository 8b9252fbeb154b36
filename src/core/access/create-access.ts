import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { scopes as allScopes } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';
import { localToken } from './tokens/local-token.ts';
import type { People } from './people/people.ts';
import { createToken, findToken, hashOf, listTokens, revokeToken } from './tokens/table.ts';

export interface AccessDeps {
  people: People;
  store: Store;
  dataDir: string;
  now: () => Date;
}

export function createAccess({ people, store, dataDir, now }: AccessDeps): Access {
  const localHash = hashOf(localToken(dataDir));
  return {
    local: () => people.local(),
    current: (personId) => people.current(personId),
    membersOf: (who) => people.membersOf(who),
    identitiesOf: (personId) => people.identitiesOf(personId),
    personOfSlack: (team, user) => people.personOfSlack(team, user),
    admitsWorkspace: (place) => people.admitsWorkspace(place),
    lookUpGroupsWith: (lookup) => people.lookUpGroupsWith(lookup),
    async callerOfToken(token, source) {
      // Who sits at the terminal decides there; a program that sends the local token has its scopes and no more.
      if (hashOf(token) === localHash) return localCaller(people, source);
      const found = await findToken(store, now(), token);
      const person = found && (await people.current(found.personId));
      if (!person) return undefined;
      const agent = found.agent || source === 'mcp';
      const identity = `token:${found.id}`;
      return { person, identity, agent, mayDecide: found.mayDecide && !agent, source, scopes: found.scopes };
    },
    createToken: (person, name, scopes, kind) => createToken(store, now(), person, name, scopes, kind),
    listTokens: (personId) => listTokens(store, personId),
    revokeToken: (idOrName) => revokeToken(store, now(), idOrName),
  };
}

async function localCaller(people: People, source: Caller['source']): Promise<Caller | undefined> {
  const person = await people.current((await people.local()).id);
  if (!person) return undefined;
  const agent = source === 'mcp';
  return { person, identity: 'local', agent, mayDecide: source === 'cli', source, scopes: allScopes };
}

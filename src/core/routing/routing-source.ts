import { scopes as allScopes } from '../base/caller.ts';
import type { Person } from '../base/caller.ts';
import type { Access } from '../access/access.ts';
import { grantsMark } from '../access/people/table.ts';
import { readLiveTokens, tokensMark } from '../access/tokens/table.ts';
import { findInstance, searchInstances } from '../instances/table.ts';
import { allows } from '../instances/states.ts';
import type { Instance, InstanceRegion } from '../instances/instance.ts';
import type { Fleet } from '../region/fleet.ts';
import { servedNameOf } from '../runtimes/served-name.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Store } from '../store/store.ts';
import { keys } from './entries.ts';
import type { InstanceEntry, PersonEntry, TokenEntry } from './entries.ts';
import { apiOf } from './api-of.ts';
import type { Replica } from './routes.ts';
import { localTokenId } from './routing-table.ts';

export interface RoutingSourceDeps {
  store: Store;
  fleet: Fleet;
  access: Pick<Access, 'current' | 'local'>;
  /** Hash of the token of this machine's account, which is in no table. */
  localTokenHash: string;
}

/** A key and its JSON. Undefined: there is no such entry any more. */
export type EntryChange = [key: string, json: string | undefined];

/** Reads from the store what calls need. */
export interface RoutingSource {
  /** All tokens and the people behind them. */
  access(): Promise<EntryChange[]>;
  /** Differs from the last one if tokens or roles have changed in the store. */
  accessMark(): Promise<string>;
  instance(id: number): Promise<EntryChange>;
  /** All instances, in pages: a store may have 10,000, and other work must go on between them. */
  instances(): AsyncIterable<EntryChange[]>;
}

const pageSize = 500;

export function createRoutingSource({ store, fleet, access, localTokenHash }: RoutingSourceDeps): RoutingSource {
  return {
    async access() {
      const tokens = await readLiveTokens(store.db);
      const { id: localPerson } = await access.local();
      const ids = [...new Set([localPerson, ...tokens.map(({ personId }) => personId)])];
      const people = await Promise.all(ids.map((id) => access.current(id)));
      const local: TokenEntry = {
        id: localTokenId,
        name: 'local-token',
        person: localPerson,
        scopes: [...allScopes],
        agent: false,
      };
      return [
        entry(keys.token(localTokenHash), local),
        ...tokens.map(({ hash, personId: person, expiresAt, id, name, scopes, agent }) =>
          entry(keys.token(hash), { id, name, person, scopes, agent, expires_at: expiresAt } satisfies TokenEntry),
        ),
        ...people.flatMap((person) => (person ? [personChange(person)] : [])),
      ];
    },
    accessMark: async () => `${await tokensMark(store.db)} ${await grantsMark(store.db)}`,
    async instance(id) {
      const found = await findInstance(store.db, id);
      return instanceChange(found?.desired === 'deleted' ? undefined : found, id, fleet);
    },
    async *instances() {
      let before: number | undefined;
      for (;;) {
        const found = await searchInstances(store.db, { before, limit: pageSize, visibleTo: undefined });
        yield await Promise.all(found.map((each) => instanceChange(each, each.id, fleet)));
        before = found.at(-1)?.id;
        if (found.length <= pageSize) return;
      }
    },
  };
}

function entry(key: string, value: object): EntryChange {
  return [key, JSON.stringify(value)];
}

function personChange({ id, name, role }: Person): EntryChange {
  return entry(keys.person(id), { name, role } satisfies PersonEntry);
}

async function instanceChange(instance: Instance | undefined, id: number, fleet: Fleet): Promise<EntryChange> {
  const key = keys.instance(id);
  if (!instance) return [key, undefined];
  const replicas = await Promise.all(instance.regions.map((each) => replicasIn(each, instance, fleet)));
  return entry(key, {
    name: instance.name,
    stopped: instance.desired === 'stopped',
    callable: allows('call', instance.state),
    private: instance.private,
    owner: instance.owner,
    owner_name: instance.ownerName,
    category: instance.category,
    created_at: instance.createdAt,
    replicas: replicas.flat(),
  } satisfies InstanceEntry);
}

/** A region that is no longer configured has no API and no keys. */
async function replicasIn({ region, urls }: InstanceRegion, instance: Instance, fleet: Fleet): Promise<Replica[]> {
  if (urls.length === 0) return [];
  const found = fleet.regions().find(({ name }) => name === region);
  const runtime = runtimeOf(instance, region, fleet);
  const api = apiOf(runtime);
  const servedName = servedNameOf(runtime, instance);
  return Promise.all(
    urls.map(async (url) => ({ url, region, api, servedName, key: await found?.keyOf?.(instance.id, url) })),
  );
}

/** Undefined if the region or the runtime is no longer configured. Its replicas run until somebody ends them. */
function runtimeOf({ spec }: Instance, region: string, fleet: Fleet): Runtime | undefined {
  if (!fleet.regions().some((each) => each.name === region)) return undefined;
  const name = spec.regions.find((each) => each.region === region)?.runtime;
  return fleet.runtimes(region).find((each) => each.name === name);
}

import type { Caller } from '../base/caller.ts';
import type { Clock } from '../base/clock.ts';
import { fail } from '../base/errors.ts';
import { parseJson } from '../base/parse-json.ts';
import { run, say } from '../base/prose.ts';
import { tokenExpired } from '../access/tokens/table.ts';
import { hashOf } from '../access/tokens/token-hash.ts';
import { mayRead } from '../access/visibility.ts';
import { entrySchemas } from './entries.ts';
import type { Entries, InstanceEntry, PersonEntry, TokenEntry } from './entries.ts';
import type { Route, Routes } from './routes.ts';

/** Answers from memory who calls and where a call goes. It asks no database. */
export interface RoutingTable {
  readonly routes: Routes;
  /**
   * The caller behind a bearer token. Undefined if the token is unknown, or its person has no role. Throws `token_expired`,
   * and `routes_stale` if the table is older than allowed. A caller from here never decides anything.
   */
  callerOfToken(token: string, source: Caller['source']): Caller | undefined;
  /** Throws `routes_stale`. */
  needFresh(): void;
  set(key: string, json: string): void;
  delete(key: string): void;
  clear(): void;
  /** The server said at this time (wall clock, milliseconds) that the table is right. */
  confirm(at: number): void;
  /** Undefined until the server has said so once. */
  confirmedAt(): number | undefined;
  entries(): Entries;
}

export interface RoutingTableOptions {
  clock: Pick<Clock, 'now'>;
  /** How old the table may be, in milliseconds. */
  staleAfterMs: number;
}

interface KnownInstance extends InstanceEntry {
  id: number;
  route: Route;
}

const mostListed = 1000;

export function createRoutingTable({ clock, staleAfterMs }: RoutingTableOptions): RoutingTable {
  const entries = new Map<string, string>();
  const tokens = new Map<string, TokenEntry>();
  const people = new Map<string, PersonEntry>();
  const instances = new Map<number, KnownInstance>();
  let confirmedAt: number | undefined;

  const forget = (kind: string, id: string): void => {
    if (kind === 'token') tokens.delete(id);
    else if (kind === 'person') people.delete(id);
    else if (kind === 'instance') instances.delete(Number(id));
  };
  const learn = (kind: string, id: string, json: string): void => {
    const value: unknown = parseJson(json);
    if (kind === 'token') tokens.set(id, entrySchemas.token.parse(value));
    else if (kind === 'person') people.set(id, entrySchemas.person.parse(value));
    else if (kind === 'instance') instances.set(Number(id), known(Number(id), entrySchemas.instance.parse(value)));
  };
  const visible = (id: number, caller: Caller): KnownInstance | undefined => {
    const found = instances.get(id);
    return found && mayRead(found, caller) ? found : undefined;
  };
  const needFresh = (): void => {
    if (confirmedAt === undefined || clock.now().getTime() - confirmedAt > staleAfterMs) throw stale(confirmedAt);
  };

  return {
    needFresh,
    callerOfToken(token, source) {
      needFresh();
      const found = tokens.get(hashOf(token));
      const person = found && people.get(found.person);
      if (!found || !person) return undefined;
      if (found.expires_at !== undefined && found.expires_at <= clock.now().toISOString()) throw tokenExpired(found);
      return {
        person: { id: found.person, ...person },
        identity: found.id === localTokenId ? 'local' : `token:${found.id}`,
        agent: found.agent || source === 'mcp',
        mayDecide: false,
        source,
        scopes: found.scopes,
      };
    },
    routes: {
      find(id, caller) {
        const colon = id.lastIndexOf(':');
        const number = colon === -1 ? '' : id.slice(colon + 1);
        const found = /^[0-9]{1,9}$/.test(number) ? visible(Number(number), caller) : undefined;
        if (!found || found.name !== id.slice(0, colon)) throw unknown(id);
        return routeOf(found);
      },
      findById(id, caller) {
        const found = visible(id, caller);
        if (!found) throw unknown(String(id));
        return routeOf(found);
      },
      list(caller) {
        const shown = [...instances.values()].filter((each) => each.callable && mayRead(each, caller));
        return shown
          .toSorted((a, b) => b.id - a.id)
          .slice(0, mostListed)
          .map(({ route, created_at: createdAt, owner_name: owner }) => ({
            id: route.modelId,
            created: Math.trunc(Date.parse(createdAt) / 1000),
            owner,
          }));
      },
    },
    set(key, json) {
      learn(...splitKey(key), json);
      entries.set(key, json);
    },
    delete(key) {
      forget(...splitKey(key));
      entries.delete(key);
    },
    clear() {
      for (const map of [entries, tokens, people, instances]) map.clear();
    },
    confirm(at) {
      confirmedAt = Math.max(confirmedAt ?? at, at);
    },
    confirmedAt: () => confirmedAt,
    entries: () => entries,
  };
}

/** The id in the entry of the local token, which has no row in the store. */
export const localTokenId = 'local';

function splitKey(key: string): [string, string] {
  const colon = key.indexOf(':');
  return [key.slice(0, colon), key.slice(colon + 1)];
}

function known(id: number, entry: InstanceEntry): KnownInstance {
  const modelId = `${entry.name}:${id}`;
  return { ...entry, id, route: { instance: id, modelId, category: entry.category, replicas: entry.replicas } };
}

function routeOf({ id, stopped, route }: KnownInstance): Route {
  if (!stopped) return route;
  throw fail('instance_stopped', `The instance "${route.modelId}" is stopped.`, {
    nextStep: say`Restart it: ${run('restart_instance', { instance: id })}.`,
  });
}

function unknown(id: string): Error {
  return fail('instance_not_found', `There is no instance "${id.slice(0, 60)}".`, {
    nextStep: 'List the models to see the model ids that can be called. A model id is <name>:<instance>.',
    field: 'model',
  });
}

function stale(confirmedAt: number | undefined): Error {
  const since = confirmedAt === undefined ? 'yet' : `since ${new Date(confirmedAt).toISOString()}`;
  return fail('routes_stale', `The gateway has not heard from the server ${since}, so it takes no calls.`, {
    nextStep: 'Start the server again. If it runs, check that the gateway can reach it.',
    retryAfterSeconds: 5,
  });
}

import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import type { Fleet } from '../region/fleet.ts';
import { mayRead } from '../access/visibility.ts';
import { findInstance, searchInstances } from '../instances/table.ts';
import type { Store } from '../store/store.ts';
import { modelId } from '../instances/instance.ts';
import type { Instance, InstanceRegion } from '../instances/instance.ts';
import { servedNameOf } from '../runtimes/served-name.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Replica, Route, Routes } from './routes.ts';
import { allows } from '../instances/states.ts';

const maximumListed = 1000;

export function createRoutes(store: Store, fleet: Fleet): Routes {
  return {
    async find(id, caller) {
      const [, name, number] = /^(.+):([0-9]{1,9})$/.exec(id) ?? [];
      const instance = number === undefined ? undefined : await visible(store, Number(number), caller);
      if (!instance || instance.name !== name) throw unknown(id);
      return toRoute(instance, fleet);
    },
    async findById(id, caller) {
      const instance = await visible(store, id, caller);
      if (!instance) throw unknown(String(id));
      return toRoute(instance, fleet);
    },
    async list(caller) {
      const found = await searchInstances(store.db, {
        limit: maximumListed,
        visibleTo: caller.person.role === 'admin' ? undefined : caller.person.id,
      });
      return found
        .filter((instance) => allows('call', instance.state))
        .map((instance) => ({
          id: modelId(instance),
          created: Math.trunc(Date.parse(instance.createdAt) / 1000),
          owner: instance.ownerName,
        }));
    },
  };
}

async function visible(store: Store, id: number, caller: Caller): Promise<Instance | undefined> {
  const instance = await findInstance(store.db, id);
  return instance && instance.desired !== 'deleted' && mayRead(instance, caller) ? instance : undefined;
}

async function toRoute(instance: Instance, fleet: Fleet): Promise<Route> {
  const id = modelId(instance);
  if (instance.desired === 'stopped') {
    throw fail('instance_stopped', `The instance "${id}" is stopped.`, {
      nextStep: say`Restart it: ${run('restart_instance', { instance: instance.id })}.`,
    });
  }
  return {
    instance: instance.id,
    modelId: id,
    replicas: (await Promise.all(instance.regions.map((each) => replicasIn(each, instance, fleet)))).flat(),
  };
}

/** A region that is no longer configured has no API and no keys. */
async function replicasIn({ region, urls }: InstanceRegion, instance: Instance, fleet: Fleet): Promise<Replica[]> {
  if (urls.length === 0) return [];
  const found = fleet.regions().find(({ name }) => name === region);
  const api = runtimeOf(instance, region, fleet);
  const servedName = servedNameOf(api, instance);
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

function unknown(id: string): Error {
  return fail('instance_not_found', `There is no instance "${id.slice(0, 60)}".`, {
    nextStep: 'List the models to see the model ids that can be called. A model id is <name>:<instance>.',
    field: 'model',
  });
}

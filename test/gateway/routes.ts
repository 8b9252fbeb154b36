import { fail } from '../../src/core/base/errors.ts';
import type { Api, Route, Routes } from '../../src/core/core.ts';

/** The same, to engines that speak another API. */
export function routesBy(api: Api, ...instances: (readonly string[] | undefined)[]): Routes {
  const routes = routesTo(...instances);
  const find = async (...given: Parameters<Routes['find']>): Promise<Route> => {
    const route = await routes.find(...given);
    return { ...route, replicas: route.replicas.map((replica) => ({ ...replica, api })) };
  };
  return { ...routes, find };
}

/** The same, to engines that demand this key. */
export function routesWithKey(key: string, ...instances: (readonly string[] | undefined)[]): Routes {
  const routes = routesTo(...instances);
  const withKey = (route: Route): Route => ({
    ...route,
    replicas: route.replicas.map((replica) => ({ ...replica, key })),
  });
  return {
    ...routes,
    find: async (...given) => withKey(await routes.find(...given)),
    findById: async (...given) => withKey(await routes.findById(...given)),
  };
}

/** The same, to engines that serve the model under this name. */
export function routesServing(servedName: string, ...instances: (readonly string[] | undefined)[]): Routes {
  const routes = routesTo(...instances);
  const find = async (...given: Parameters<Routes['find']>): Promise<Route> => {
    const route = await routes.find(...given);
    return { ...route, replicas: route.replicas.map((replica) => ({ ...replica, servedName })) };
  };
  return { ...routes, find };
}

/** Routes to the test's own engines: `tiny:1` and so on, by position. An undefined entry is a stopped instance. */
export function routesTo(...instances: (readonly string[] | undefined)[]): Routes {
  const route = (instance: number): Route => {
    const replicas = instances[instance - 1];
    if (instance > instances.length) {
      throw fail('instance_not_found', `There is no instance ${instance}.`, { nextStep: 'List them.' });
    }
    if (!replicas) throw fail('instance_stopped', `Instance ${instance} is stopped.`, { nextStep: 'Restart it.' });
    return {
      instance,
      modelId: `tiny:${instance}`,
      replicas: replicas.map((url) => ({ url, region: 'local', servedName: `tiny:${instance}` })),
    };
  };
  return {
    find: async (modelId) => route(Number(modelId.split(':')[1] ?? 99)),
    findById: async (instance) => route(instance),
    list: async () =>
      instances.flatMap((replicas, index) =>
        replicas ? [{ id: `tiny:${index + 1}`, created: 1_700_000_000, owner: 'ada' }] : [],
      ),
  };
}

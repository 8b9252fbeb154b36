import { fail } from '../core/base/errors.ts';
import type { Route, Routes } from '../core/core.ts';

/**
 * The routes for a gateway on another machine than the server. Replicas of the region `local`, and those that the server
 * reaches through the API server's proxy, have addresses on the server's own loopback. Throws `region_through_server`.
 */
export function reachableRoutes(routes: Routes): Routes {
  return {
    find: async (...asked) => reachable(await routes.find(...asked)),
    findById: async (...asked) => reachable(await routes.findById(...asked)),
    list: (caller) => routes.list(caller),
  };
}

function reachable(route: Route): Route {
  if (!route.replicas.some(isOnLoopback)) return route;
  const replicas = route.replicas.filter((each) => !isOnLoopback(each));
  if (replicas.length > 0) return { ...route, replicas };
  const regions = [...new Set(route.replicas.map(({ region }) => region))].join(', ');
  throw fail('region_through_server', `This gateway cannot reach the region ${regions}: only the server can.`, {
    nextStep: 'Call the server itself. Or set "reach: in-cluster" for the region, and run the gateway in that cluster.',
  });
}

function isOnLoopback({ url }: { url: string }): boolean {
  return /^https?:\/\/(?:127\.|localhost[:/]|\[::1\])/.test(url);
}

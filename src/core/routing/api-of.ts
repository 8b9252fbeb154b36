import { callerPathsOf } from '../runtimes/caller-paths.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Api } from './routes.ts';

/** What a call must know of the runtime of a replica. Undefined if the runtime is no longer configured. */
export function apiOf(runtime: Runtime | undefined): Api | undefined {
  if (runtime === undefined) return undefined;
  const { api_path, rerank, more_routes } = runtime;
  return { api_path, rerank, more_routes, caller_paths: callerPathsOf(runtime) };
}

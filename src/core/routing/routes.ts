import type { Category } from '../base/categories.ts';
import type { Caller } from '../base/caller.ts';
import type { Runtime } from '../runtimes/runtime.ts';

/** The API of a replica, as its runtime defines it. */
export type Api = Pick<Runtime, 'api_path' | 'rerank'> & {
  /** Routes below /v1 that it serves beside those of the model's category. */
  more_routes?: readonly string[];
  /** What callers may use of the engine itself. Others need the scope `operate`. */
  caller_paths?: readonly string[];
};

/** A replica that takes calls. */
export interface Replica {
  /** Its base URL (`http://127.0.0.1:41234`). */
  url: string;
  region: string;
  /** Regions may serve one model with different runtimes. Undefined if the runtime is no longer configured. */
  api?: Api;
  /** The name under which it serves the model. It replaces the caller's `model`. */
  servedName: string;
  /** The key that it demands. Undefined if it demands none. It must not reach callers or logs. */
  key?: string | undefined;
}

/** The replicas that a call may go to. */
export interface Route {
  instance: number;
  modelId: string;
  /** Of its model. It decides which routes it serves. Undefined: unknown. */
  category?: Category | undefined;
  /** The healthy ones, in no order. */
  replicas: Replica[];
}

export interface Routes {
  /**
   * The route of a model id (`tiny-chat:3`). Throws `instance_not_found`, also if the caller may not see it or the name
   * does not fit the number. Throws `instance_stopped`. Both are `not_found`.
   */
  find(modelId: string, caller: Caller): Route | Promise<Route>;
  /** The same by the instance's number. */
  findById(instance: number, caller: Caller): Route | Promise<Route>;
  /** The model ids that this caller can call now. */
  list(caller: Caller): CallableModel[] | Promise<CallableModel[]>;
}

export interface CallableModel {
  id: string;
  /** Seconds since 1970. */
  created: number;
  owner: string;
}

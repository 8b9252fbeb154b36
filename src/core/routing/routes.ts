import type { Caller } from '../base/caller.ts';
import type { Runtime } from '../runtimes/runtime.ts';

/** How a replica is spoken to, as its runtime's definition says. */
export type Api = Pick<Runtime, 'api_path' | 'rerank'>;

/** A replica that takes calls. */
export interface Replica {
  /** Its base URL (`http://127.0.0.1:41234`). */
  url: string;
  region: string;
  /** Regions may serve the same model with different runtimes; unknown where the runtime is not configured any more. */
  api?: Api;
}

/** Where a call may go. */
export interface Route {
  instance: number;
  modelId: string;
  /** The name that the replicas serve the model under: put in place of the caller's `model`. */
  servedName: string;
  /** The healthy ones, in no order. Empty: none is healthy now. */
  replicas: Replica[];
}

export interface Routes {
  /**
   * The route of a model id (`tiny-chat:3`). Throws `instance_not_found` (unknown to this caller, or another name before
   * the number) and `instance_stopped`; both are `not_found`.
   */
  find(modelId: string, caller: Caller): Promise<Route>;
  /** The same by number, for `/instances/<id>/proxy/*`. */
  findById(instance: number, caller: Caller): Promise<Route>;
  /** Model ids that this caller can call now, for `GET /v1/models`. */
  list(caller: Caller): Promise<{ id: string; created: number; owner: string }[]>;
}

import { insertInstance, saveRegionStatus, updateDesired } from '../../src/core/instances/table.ts';
import { openStore } from '../../src/core/store/store.ts';
import { addModels, at } from '../core/store/rows.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

/** A server whose instances are rows of the test, as its reconciler would write them. */
export interface LiveServer extends TestServer {
  /** Returns its model id, such as `tiny:1`. */
  launch(urls: readonly string[], about?: { private?: boolean; owner?: string }): Promise<string>;
  /** What the reconciler writes when replicas come and go. */
  replicas(instance: number, urls: readonly string[]): Promise<void>;
  stop(instance: number): Promise<void>;
}

export async function startLiveServer(config?: string): Promise<LiveServer> {
  await using undo = new AsyncDisposableStack();
  const server = undo.use(await startTestServer({ config }));
  const store = undo.use(await openStore(server.core.config));
  await addModels(store, 'tiny');
  const local = await server.core.access.local();
  const changed = (instance: number): void => server.core.changes.publish({ kind: 'instance', id: String(instance) });
  const replicas = async (instance: number, urls: readonly string[]): Promise<void> => {
    const update = { state: 'running' as const, ready: urls.length, restarts: 0, reason: undefined, urls };
    await store.transaction((db) => saveRegionStatus(db, instance, 'local', update, at));
    changed(instance);
  };
  const everything = undo.move();
  return {
    ...server,
    replicas,
    async launch(urls, about = {}) {
      const instance = {
        name: 'tiny',
        registryModelId: 'mdl_tiny',
        spec: { replicas: 1, regions: [{ region: 'local', runtime: 'llama.cpp', arguments: [] }] },
        private: about.private ?? false,
        owner: about.owner ?? local.id,
        createdAt: at,
        stopAt: undefined,
        regions: [{ region: 'local', volume: undefined }],
      };
      const id = await store.transaction((db) => insertInstance(db, instance));
      await replicas(id, urls);
      return `tiny:${id}`;
    },
    async stop(instance) {
      await store.transaction((db) => updateDesired(db, instance, { desired: 'stopped' }, at));
      changed(instance);
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

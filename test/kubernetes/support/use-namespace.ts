import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startControlPlane } from '../../support/control-plane.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { startNodes } from './nodes.ts';
import type { StandIn } from './nodes.ts';
import { makeNamespace } from './regions.ts';

export interface TestNamespace {
  plane: ControlPlane;
  nodes: StandIn;
  namespace: string;
  /** Lists the objects at a path. NS in the path stands for the namespace. */
  list<T>(path: string): Promise<T[]>;
}

/** Gives the tests of a file one control plane with one node. Each test gets its own namespace and default nodes. */
export function useNamespace(): TestNamespace {
  const cluster = {} as TestNamespace;
  cluster.list = async <T>(path: string): Promise<T[]> => {
    const { plane, namespace } = cluster;
    return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
  };
  beforeAll(async () => {
    cluster.plane = await startControlPlane();
    cluster.nodes = await startNodes(cluster.plane, [{ name: 'eu-1' }]);
  });
  afterAll(async () => {
    await cluster.nodes[Symbol.asyncDispose]();
    await cluster.plane[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    cluster.namespace = await makeNamespace(cluster.plane);
    cluster.nodes.rule = () => undefined;
    cluster.nodes.lost = () => false;
  });
  return cluster;
}

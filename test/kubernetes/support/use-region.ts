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
  /** What is at a path in which NS stands for the namespace. */
  list<T>(path: string): Promise<T[]>;
}

/** A control plane with one node for the tests of a file, a namespace for each of them, and nodes that do as they do by default. */
export function useRegion(): TestNamespace {
  const place = {} as TestNamespace;
  place.list = async <T>(path: string): Promise<T[]> => {
    const { plane, namespace } = place;
    return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
  };
  beforeAll(async () => {
    place.plane = await startControlPlane();
    place.nodes = await startNodes(place.plane, [{ name: 'eu-1' }]);
  });
  afterAll(async () => {
    await place.nodes[Symbol.asyncDispose]();
    await place.plane[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    place.namespace = await makeNamespace(place.plane);
    place.nodes.rule = () => undefined;
    place.nodes.lost = () => false;
  });
  return place;
}

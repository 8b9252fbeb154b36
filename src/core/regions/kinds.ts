import type { RegionKind } from '../region/kind.ts';
import { kubernetesKind } from './kubernetes/kind.ts';
import { localKind } from './local/kind.ts';

/** The kinds of regions that a configuration may name. A new kind is a folder beside this file and a row here. */
export const regionKinds: readonly RegionKind[] = [localKind, kubernetesKind];

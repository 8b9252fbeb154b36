import type { Category, WeightFormat } from '../base/categories.ts';
import type { FolderEntry } from '../region/region.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { CacheModel } from './sizing/cache-layers.ts';
import type { Quantization } from './sizing/quantization.ts';

/** Weights that can run code when they are loaded, and nothing safer beside them. */
export function isPickle({ format }: { format: WeightFormat }): boolean {
  return format === 'pytorch';
}

/** What a folder looked like at registration; a launch that finds another one asks first. */
export interface Fingerprint {
  entries: FolderEntry[];
  /** sha256 over the config files' contents. */
  configHash: string;
}

/** What sizing needs of a model's config; absent fields are unknown. Entries from before `cache` have only plain figures. */
export interface Architecture {
  parameters?: number;
  /** As the config names the family: `model_type`. */
  family?: string;
  layers?: number;
  /** Attention heads: what a split over several accelerators has to divide. */
  heads?: number;
  kvHeads?: number;
  headDim?: number;
  contextLength?: number;
  /** What the model keeps in memory for each sequence. */
  cache?: CacheModel;
  quantization?: Quantization;
}

/** A registry entry. Nothing here changes after registration. */
export interface Model {
  id: string;
  name: string;
  /** The name of a row of the table of sources. */
  source: string;
  repo?: string;
  revision?: string;
  commit?: string;
  filesystem?: string;
  subfolder?: string;
  region?: string;
  category: Category;
  format: WeightFormat;
  /** For formats that an engine opens by file (GGUF): the first file, inside the tree. */
  entryFile?: string;
  files: PullFile[];
  bytes: number;
  selection: { include: string[]; exclude: string[] };
  licence?: string;
  gated: boolean;
  /** Its name, as whoever registered the entry gave it. */
  credential?: string;
  /** Of a stored one: names may mean another credential to another person. */
  credentialId?: string;
  task?: string;
  architecture: Architecture;
  fingerprint?: Fingerprint;
  private: boolean;
  owner: string;
  createdAt: string;
  deletedAt?: string;
}

import type { Category, WeightFormat } from '../base/categories.ts';
import type { FolderEntry, MarkedFile } from '../region/region.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { LeftOut } from './selection/left-out.ts';
import type { CacheModel } from './sizing/cache-layers.ts';
import type { Quantization } from './sizing/quantization.ts';

/** Extensions of files that hold pickles: Python runs code that is in them when it loads them. */
const pickleName = /\.(?:bin|pt|pth|ckpt|pkl|pickle|joblib|nemo)$/i;

/** Whether the name of a file says that it holds a pickle. */
export function isPickleName(path: string): boolean {
  return pickleName.test(path);
}

/** The selected files that can run code when they are loaded, whatever the format of the model is. */
export function picklesOf({ files }: { files: readonly PullFile[] }): string[] {
  return files.map(({ path }) => path).filter(isPickleName);
}

/** Whether a selected file can run code when it is loaded. */
export function isPickle(model: { format: WeightFormat; files: readonly PullFile[] }): boolean {
  return model.format === 'pytorch' || picklesOf(model).length > 0;
}

export function pickleWarnings(model: { format: WeightFormat; files: readonly PullFile[] }): string[] {
  if (model.format === 'pytorch') return ['The weights are pickle files, which can run code when they are loaded.'];
  const [first] = picklesOf(model);
  return first === undefined ? [] : [`Some parts are pickle files, which can run code when they are loaded: ${first}.`];
}

/** A folder at registration. If a launch finds another one, it asks first. Old models keep the version that they have. */
export type Fingerprint = ListingFingerprint | ContentFingerprint;

/** Version 1, of models that were registered before version 2: sizes and times of all files. */
export interface ListingFingerprint {
  version?: undefined;
  entries: FolderEntry[];
  /** sha256 over the config files' contents. */
  configHash: string;
}

export interface ContentFingerprint {
  version: 2;
  /** The files that a launch reads, sorted by path. */
  files: MarkedFile[];
  /** Paths of other files that an engine could read. Only new ones matter. */
  others: string[];
}

/** What sizing needs of a model's config; absent fields are unknown. Entries from before `cache` have only plain figures. */
export interface Architecture {
  parameters?: number;
  /** As the config names the family: `model_type`. */
  family?: string;
  /** The classes that the config names, such as `Qwen3ForCausalLM`. */
  architectures?: string[];
  /** Undefined: unknown, or the model is of another kind. */
  chatTemplate?: ChatTemplate;
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

/** A registered model. Nothing changes after registration, except that it can be deleted. */
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
  /** The first file, for formats that an engine opens by file (GGUF). */
  entryFile?: string;
  files: PullFile[];
  bytes: number;
  selection: { include: string[]; exclude: string[] };
  licence?: string;
  gated: boolean;
  /** The name of the credential, given at registration. */
  credential?: string;
  /** Id of a stored credential. Two people may use one name for different credentials. */
  credentialId?: string;
  task?: string;
  architecture: Architecture;
  fingerprint?: Fingerprint;
  /** What the check warned of at registration. Models of older versions have none. */
  warnings?: string[];
  /** The files of the source that are not fetched, by reason. Models of older versions have none. */
  leftOut?: LeftOut[];
  private: boolean;
  owner: string;
  createdAt: string;
  deletedAt?: string;
}

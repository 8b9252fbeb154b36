import type { CredentialStore } from '../../access/credentials/credentials.ts';
import type { Caller } from '../../base/caller.ts';
import type { Category, WeightFormat } from '../../base/categories.ts';
import type { EcolinkError } from '../../base/errors.ts';
import type { PullFile } from '../../base/pull-file.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Fleet } from '../../region/fleet.ts';
import type { AcceptedFiles } from '../../region/region.ts';
import type { Architecture, Fingerprint, Model } from '../model.ts';
import type { LeftOut } from '../selection/left-out.ts';

/** What a caller says about a model and its source. Each source reads its own fields. */
export interface SourceInput {
  source: string;
  repo?: string | undefined;
  revision?: string | undefined;
  credential?: string | undefined;
  filesystem?: string | undefined;
  subfolder?: string | undefined;
  category?: Category | undefined;
  include?: string[] | undefined;
  exclude?: string[] | undefined;
  private?: boolean | undefined;
}

/** What is known about a model before it is saved. */
export interface Candidate {
  source: string;
  /** The repo or folder in a few words, without the revision. */
  title: string;
  repo?: string | undefined;
  revision?: string | undefined;
  commit?: string | undefined;
  credential?: string | undefined;
  credentialId?: string | undefined;
  filesystem?: string | undefined;
  subfolder?: string | undefined;
  path?: string | undefined;
  region?: string | undefined;
  format: WeightFormat;
  formats: WeightFormat[];
  entryFile?: string | undefined;
  files: PullFile[];
  bytes: number;
  gated: boolean;
  licence?: string | undefined;
  task?: string | undefined;
  suggested?: Category | undefined;
  architecture: Architecture;
  fingerprint?: Fingerprint | undefined;
  warnings: string[];
  leftOut: LeftOut[];
  /** Why the weights cannot be downloaded, although the repo is known. */
  refusal?: EcolinkError | undefined;
}

/** The fields of a model that its source filled in. */
export type SourceFields = Pick<
  Model,
  'repo' | 'revision' | 'commit' | 'filesystem' | 'subfolder' | 'region' | 'fingerprint'
>;

export interface SourceDeps {
  hub: Hub;
  fleet: Fleet;
  credentials: CredentialStore;
}

/** Regions download the files to volumes of their own. They can do so before a launch. */
export interface FetchedBytes {
  kind: 'fetched';
  /**
   * Part of the keys of volumes, with the name of the source. All mirrors of one hub have the same identity. Undefined
   * for the Hugging Face Hub: its volumes keep the keys that they had before there were other sources.
   */
  identity: string | undefined;
  /** The base URL of downloads, which answers as the Hub does. */
  endpoint(deps: SourceDeps): string;
  versionOf(model: SourceFields): { repo: string; commit: string };
}

/** Engines read the files in place, in one region only. */
export interface MountedBytes {
  kind: 'mounted';
  folderOf(model: SourceFields): MountedFolder;
  /** As engines see it. Undefined if the filesystem is unknown now. */
  pathOf(deps: SourceDeps, model: SourceFields): Promise<string | undefined>;
}

export interface MountedFolder {
  region: string;
  filesystem: string;
  subfolder: string;
}

/** A kind of sources: a row of the table in `sources.ts`. */
export interface ModelSource {
  /** The value of the field `source`. Models are stored with it. */
  name: string;
  /**
   * Looks at the source as it is now and saves nothing. Throws if the model is unknown. A repo that is known but cannot
   * be downloaded has a `refusal`.
   */
  examine(deps: SourceDeps, input: SourceInput, caller: Caller): Promise<Candidate>;
  /** The source of a model in one line. */
  originOf(model: SourceFields): string;
  bytes: FetchedBytes | MountedBytes;
  /** What a launch finds at the source now. */
  stateOf(deps: SourceDeps, model: RegisteredSource): Promise<SourceState>;
}

export type RegisteredSource = SourceFields & Pick<Model, 'files'>;

export interface SourceState {
  /** What has changed since the registration, in sentences. Empty for sources whose versions never change. */
  changes: readonly string[];
  /** For files that somebody could swap: what they are now. Replicas start only from these. */
  files?: AcceptedFiles | undefined;
}

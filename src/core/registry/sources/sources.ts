import type { Caller } from '../../base/caller.ts';
import { fail } from '../../base/errors.ts';
import type { Model } from '../model.ts';
import { filesystemSource } from './filesystem.ts';
import { huggingfaceSource } from './huggingface.ts';
import type {
  Candidate,
  ModelSource,
  MountedFolder,
  RegisteredSource,
  SourceDeps,
  SourceFields,
  SourceInput,
  SourceState,
} from './source.ts';

/** The sources that a model may come from. A new source is a file beside this one and a row here. */
export const modelSources: readonly ModelSource[] = [huggingfaceSource(), filesystemSource];

/** Where downloaded bytes come from. Two models with an equal origin and equal files share volumes. */
export interface VolumeOrigin {
  source: string;
  /** See FetchedBytes. */
  identity: string | undefined;
  repo: string;
  commit: string;
}

/** How the bytes of one model get to a region. */
export type Delivery = { kind: 'fetched'; origin: VolumeOrigin } | ({ kind: 'mounted' } & MountedFolder);

/** A source whose bytes are downloaded. */
export interface FetchedSource {
  source: string;
  identity: string | undefined;
  endpoint: string;
}

type Sourced = SourceFields & Pick<Model, 'source'>;

/** The table of sources with what they work with. */
export interface Sources {
  /** Throws `bad_field` for a source that is not in the table. See ModelSource. */
  examine(input: SourceInput, caller: Caller): Promise<Candidate>;
  /** These throw `source_not_found` for a stored model whose source is no longer in the table. */
  originOf(model: Sourced): string;
  deliveryOf(model: Sourced): Delivery;
  stateOf(model: RegisteredSource & Sourced): Promise<SourceState>;
  /** The folder as engines see it. Undefined for a model that is downloaded. */
  pathOf(model: Sourced): Promise<string | undefined>;
  fetched(): readonly FetchedSource[];
}

export function createSources(rows: readonly ModelSource[], deps: SourceDeps): Sources {
  const find = (name: string): ModelSource | undefined => rows.find((row) => row.name === name);
  const rowOf = (model: Sourced): ModelSource => {
    const row = find(model.source);
    if (row) return row;
    throw fail('source_not_found', `This version of EcoLink knows no source "${model.source}".`, {
      nextStep: 'Use the version that the model was registered with, or register it from another source.',
    });
  };
  return {
    examine: async (input, caller) => {
      const row = find(input.source);
      if (row) return row.examine(deps, input, caller);
      throw unknownSource(input.source, rows);
    },
    originOf: (model) => rowOf(model).originOf(model),
    deliveryOf: (model) => deliveryOf(rowOf(model), model),
    stateOf: (model) => rowOf(model).stateOf(deps, model),
    pathOf: async (model) => {
      const { bytes } = rowOf(model);
      return bytes.kind === 'mounted' ? bytes.pathOf(deps, model) : undefined;
    },
    fetched: () =>
      rows.flatMap(({ name, bytes }) =>
        bytes.kind === 'fetched' ? [{ source: name, identity: bytes.identity, endpoint: bytes.endpoint(deps) }] : [],
      ),
  };
}

function deliveryOf({ name, bytes }: ModelSource, model: SourceFields): Delivery {
  if (bytes.kind === 'mounted') return { kind: 'mounted', ...bytes.folderOf(model) };
  return { kind: 'fetched', origin: { source: name, identity: bytes.identity, ...bytes.versionOf(model) } };
}

function unknownSource(source: string, rows: readonly ModelSource[]): Error {
  const known = rows.map(({ name }) => name);
  return fail('bad_field', `"source" is not valid: expected one of ${known.map((name) => `"${name}"`).join('|')}.`, {
    nextStep: `Correct it; an example that works: "${known[0]}".`,
    field: 'source',
    validValues: known,
  });
}

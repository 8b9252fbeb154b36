import { parseGguf, projectorRank, quantisationRank } from './gguf-name.ts';
import type { GgufFile, GgufRole } from './gguf-name.ts';
import type { PullFile } from '../../base/pull-file.ts';
import type { LeaveList } from './left-out.ts';
import { patternFor } from './patterns.ts';
import { isAdapter, missingShardsError, notAModel, severalModels } from './refusals.ts';
import { missingShards } from './weight-sets.ts';
import { parseWeight } from './weight-file.ts';

/** All shards of one GGUF. */
interface GgufSet extends Pick<GgufFile, 'group' | 'role' | 'quantisation' | 'model' | 'folderModel'> {
  files: PullFile[];
  bytes: number;
  missing: string[];
}

export interface GgufChoice {
  files: PullFile[];
  entryFile: string;
  warnings: string[];
}

export function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** Whether any GGUF file is a model. Projectors and adapters are not. */
export function holdsGgufModel(files: readonly PullFile[]): boolean {
  return modelSets(ggufSets(files)).length > 0;
}

function ggufSets(files: readonly PullFile[]): GgufSet[] {
  const parsed = files.filter(({ path }) => isGguf(path)).map(parseGguf);
  const groups = Map.groupBy(parsed, ({ group, shard }) => `${group}|${shard?.total ?? ''}`);
  return [...groups.values()].flatMap((members) => {
    const [first] = members;
    if (!first) return [];
    const sorted = members.toSorted((a, b) => (a.shard?.number ?? 0) - (b.shard?.number ?? 0));
    const { group, role, quantisation, model, folderModel } = first;
    return [
      {
        group,
        role,
        quantisation,
        model,
        folderModel,
        files: sorted.map(({ file }) => file),
        bytes: sorted.reduce((sum, { file }) => sum + file.size, 0),
        missing: missingShards(sorted.flatMap(({ file }) => parseWeight(file) ?? [])),
      },
    ];
  });
}

/** If every file of a repo is called "mtp" or "imatrix", they are models that were made with it. */
const secondChance: GgufRole[] = ['side weights', 'part', 'imatrix'];

function modelSets(sets: readonly GgufSet[]): GgufSet[] {
  const models = sets.filter(({ role }) => role === 'model');
  if (models.length > 0) return models;
  const role = secondChance.find((each) => sets.some((set) => set.role === each && isPlausible(set)));
  return sets.filter((set) => set.role === role && isPlausible(set));
}

function isPlausible({ role, quantisation, group }: GgufSet): boolean {
  return (role !== 'imatrix' || quantisation !== '') && !/eagle|medusa|nextn|speculator/i.test(group);
}

/** One quantisation of the model, with its projector and its other parts. Throws if there are several models. */
export function chooseGguf(files: readonly PullFile[], adapterBase: string | undefined, leave: LeaveList): GgufChoice {
  const sets = ggufSets(files);
  const models = modelSets(sets);
  if (models.length === 0) throw noGgufModel(files, adapterBase);
  const byModel = separate(models);
  if (byModel.length > 1) throw severalModels(byModel.map(describe));
  const chosen = best(models, quantisationRank);
  if (chosen.missing.length > 0) throw missingShardsError(chosen.missing, false);
  const isModel = new Set(models);
  const projectors = bestOfEach(
    sets.filter(({ role }) => role === 'projector'),
    projectorRank,
  );
  const parts = bestOfEach(
    sets.filter((set) => set.role === 'part' && !isModel.has(set)),
    quantisationRank,
  );
  const kept = new Set([chosen, ...projectors, ...parts]);
  for (const set of sets) if (!kept.has(set)) leave.leave(reasonFor(set, chosen, isModel.has(set)), set.files);
  return {
    files: [...kept].flatMap((set) => set.files),
    entryFile: chosen.files[0]?.path ?? '',
    warnings: sayQuantisations(models, chosen),
  };
}

/** The error for GGUF files that are adapters, projectors or statistics. */
export function noGgufModel(files: readonly PullFile[], adapterBase: string | undefined): Error {
  const isOfAdapter = ggufSets(files).some(({ role }) => role === 'adapter');
  return isOfAdapter ? isAdapter(adapterBase) : notAModel(files, 'no GGUF of a model');
}

function reasonFor(set: GgufSet, chosen: GgufSet, isModel: boolean) {
  if (isModel) {
    if (set.missing.length > 0) return 'incomplete copy';
    return set.quantisation === chosen.quantisation ? 'other copy' : 'other quantisation';
  }
  if (set.role === 'projector') return 'other projector';
  if (set.role === 'adapter' || set.role === 'side weights') return set.role;
  return set.role === 'part' ? 'other quantisation' : 'not a model';
}

/**
 * The sets of each model. If names do not tell models apart, folders do: `small/Q8_0.gguf`, `large/Q8_0.gguf`. A file with
 * the same name at the top and in a folder is a copy.
 */
function separate(models: readonly GgufSet[]): GgufSet[][] {
  const byName = [...Map.groupBy(models, ({ model }) => model).values()];
  return byName.flatMap((sets) => {
    const folders = Map.groupBy(sets, ({ folderModel }) => folderModel);
    const isTwice = [...Map.groupBy(sets, ({ quantisation }) => quantisation).values()].some(
      (same) => new Set(same.map(({ folderModel }) => folderModel).filter(Boolean)).size > 1,
    );
    return sets[0]?.model === '' || isTwice ? [...folders.values()] : [sets];
  });
}

function describe(sets: readonly GgufSet[]) {
  const chosen = best(sets, quantisationRank);
  return { name: chosen.group, pattern: patternFor(chosen.files.map(({ path }) => path)), bytes: chosen.bytes };
}

/** Complete copies first, then by rank, then the one in a single file, then the shorter name. */
function best(sets: readonly GgufSet[], rank: (quantisation: string) => number): GgufSet {
  const [first] = sets.toSorted(
    (a, b) =>
      Math.min(a.missing.length, 1) - Math.min(b.missing.length, 1) ||
      rank(a.quantisation) - rank(b.quantisation) ||
      a.files.length - b.files.length ||
      a.group.length - b.group.length ||
      (a.group < b.group ? -1 : 1),
  );
  if (!first) throw new Error('There is no GGUF to choose from');
  return first;
}

function bestOfEach(sets: readonly GgufSet[], rank: (quantisation: string) => number): GgufSet[] {
  return [...Map.groupBy(sets, ({ model }) => model).values()].map((same) => best(same, rank));
}

const mostNamed = 12;

function sayQuantisations(models: readonly GgufSet[], chosen: GgufSet): string[] {
  const names = [...new Set(models.map(({ group }) => group))];
  if (names.length < 2) return [];
  const others = names.filter((name) => name !== chosen.group);
  const more = others.length > mostNamed ? ` and ${others.length - mostNamed} more` : '';
  return [
    `The repo holds ${names.length} quantisations; ${chosen.group} was chosen. Choose another with include: ${others.slice(0, mostNamed).join(', ')}${more}.`,
  ];
}

/** Of chosen files, the one that an engine opens, and the shards that are missing. */
export function entryOf(files: readonly PullFile[]): { entryFile: string; missing: string[] } | undefined {
  const models = modelSets(ggufSets(files));
  if (models.length === 0) return undefined;
  const { files: members, missing } = best(models, quantisationRank);
  return { entryFile: members[0]?.path ?? '', missing };
}

export function projectorsOf(files: readonly PullFile[]): PullFile[] {
  return ggufSets(files).flatMap((set) => (set.role === 'projector' ? set.files : []));
}

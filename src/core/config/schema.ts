import { z } from 'zod';
import { kubernetesSettings } from './kubernetes-region.ts';
import { localSettings } from './local-region.ts';
import { configName } from './names.ts';
import { pathSetting } from './paths.ts';
import type { RegionConfig, RegionSettings } from './region-settings.ts';
import { checkPeople, groupSchema, personSchema, slackSchema } from './people.ts';
import { approvalsSchema, policySchema } from '../policy/schema.ts';
import { categories, formats } from '../base/categories.ts';

const name = configName;

const filesystemSchema = z.strictObject({
  name,
  region: name,
  /** The folder, in a local region. */
  path: pathSetting.optional(),
  /** The PersistentVolumeClaim, in a Kubernetes region. */
  claim: z.string().min(1).optional(),
  mount_path: z.string().startsWith('/').optional(),
});

const apiPath = /^(\/[\w.~-]+)+$/;

const servedBy = {
  name,
  categories: z.array(z.enum(categories)).min(1),
  formats: z.array(z.enum(formats)).min(1),
  /** Words in which {model_path}, {served_name}, {host}, {port} and, in Kubernetes, {drain_seconds} are filled in. */
  arguments: z.array(z.string()).default([]),
  /** Further arguments for models of a category. */
  category_arguments: z.partialRecord(z.enum(categories), z.array(z.string())).default({}),
  /** Hub tasks that it serves in a category, where the category alone does not say (`audio` is speech to text, or text to speech). */
  category_tasks: z.partialRecord(z.enum(categories), z.array(z.string())).default({}),
  /** The flag that takes the context length, if the engine has one. */
  context_argument: z.string().optional(),
  /** What that flag is given where a launch asks for no length, by category: an engine's word for "what fits". */
  context_default: z.partialRecord(z.enum(categories), z.string()).default({}),
  /** Where a running engine says how long its context is: a path, and where in the JSON it answers with, such as data.0.max_model_len. */
  context_report: z.strictObject({ path: z.string().startsWith('/'), field: z.string().min(1) }).optional(),
  /** The flag that takes the number of accelerators of a replica, if the engine has one. */
  parallel_argument: z.string().optional(),
  /** The most accelerators that one replica can use; without it, as many as it is given. */
  maximum_accelerators: z.int().positive().optional(),
  health: z.string().startsWith('/').default('/health'),
  /** Where its OpenAI API begins: a call of EcoLink's /v1/chat/completions goes to <api_path>/chat/completions. */
  api_path: z.string().regex(apiPath, 'must begin with "/" and not end with one, such as /v1').default('/v1'),
  /** How it takes rerank calls: as vLLM, Jina and Cohere do (`v1`), or Text Embeddings Inference, at /rerank with `texts`. */
  rerank: z.enum(['v1', 'tei']).default('v1'),
  environment: z.record(z.string(), z.string()).default({}),
};

const localRuntime = z.strictObject({ ...servedBy, kind: z.literal('local'), command: z.array(z.string()).min(1) });

const kubernetesRuntime = z.strictObject({
  ...servedBy,
  kind: z.literal('kubernetes'),
  image: z.string().min(1),
  /** In place of the image's own entry point. */
  command: z.array(z.string()).min(1).optional(),
  port: z.int().min(1024).max(65535).default(8000),
  /** User id that the engine runs as; the region's own unless given. */
  user: z.int().positive().optional(),
  /** What the engine makes of the calls that it has when it is told to end (SIGTERM). */
  ends: z.enum(['after_calls', 'at_once']).default('at_once'),
  /** How long a replica on its way out may work on those calls, in seconds. One that ends at once is told only after this time. */
  drain_seconds: z.int().min(10).max(3600).optional(),
  /** What it was tried with, for the docs; absent means that nobody here tried it. */
  tried: z.string().optional(),
});

export const runtimeSchema = z.discriminatedUnion('kind', [localRuntime, kubernetesRuntime]);

/** The built-in kinds of regions, as the file names them. `regions/kinds.ts` has a row for each. */
export const regionSettings: readonly RegionSettings[] = [localSettings, kubernetesSettings];

/** The schema of `ecolink.yaml` with these kinds of regions. Everything has a default: a missing file is an empty one. */
export function configFileSchema(kinds: readonly RegionSettings[]) {
  return z
    .strictObject({
      regions: regionsSchema(kinds),
      filesystems: z.array(filesystemSchema).default([]),
      runtimes: z.array(runtimeSchema).default([]),
      /** Price per hour of one accelerator, by its name. */
      prices: z.record(z.string(), z.number().nonnegative()).default({}),
      people: z.array(personSchema).default([]),
      groups: z.array(groupSchema).default([]),
      /** What unused weights are evicted by themselves; nothing is, unless one of the two is set. */
      cache: z
        .strictObject({
          keep_days: z.number().positive().optional(),
          /** For each region. */
          maximum_gib: z.number().positive().optional(),
        })
        .default({}),
      /** What passes people first; the default rules stand behind it. */
      policy: policySchema.optional(),
      approvals: approvalsSchema.default(approvalsSchema.parse({})),
      slack: slackSchema.prefault({}),
    })
    .superRefine(checkNames)
    .superRefine((file, context) => checkReferences(file, kinds, context))
    .superRefine(checkPeople);
}

function regionsSchema([first, ...others]: readonly RegionSettings[]): z.ZodDefault<z.ZodType<RegionConfig[]>> {
  if (first === undefined) throw new Error('A configuration needs at least one kind of region.');
  const region = z.discriminatedUnion('kind', [first.schema, ...others.map(({ schema }) => schema)]);
  const withoutConfig = [first, ...others].flatMap((kind) => kind.withoutConfig ?? []);
  return z.array(region).min(1).default(withoutConfig);
}

/** The schema of `ecolink.yaml`. */
export const configFile = configFileSchema(regionSettings);

interface Named {
  name: string;
}

function checkNames(
  file: { regions: Named[]; filesystems: Named[]; runtimes: Named[]; people: Named[]; groups: Named[] },
  context: z.RefinementCtx,
): void {
  for (const list of ['regions', 'filesystems', 'runtimes', 'people', 'groups'] as const) {
    const names = file[list].map((each) => each.name);
    const again = names.findIndex((name, index) => names.indexOf(name) !== index);
    if (again === -1) continue;
    context.addIssue({ code: 'custom', path: [list, again, 'name'], message: `"${names[again]}" is there twice` });
  }
}

function checkReferences(
  file: { regions: readonly RegionConfig[]; filesystems: readonly z.output<typeof filesystemSchema>[] },
  kinds: readonly RegionSettings[],
  context: z.RefinementCtx,
): void {
  const regions = file.regions.map((region) => region.name);
  for (const [index, filesystem] of file.filesystems.entries()) {
    const complain = (at: string, message: string): void =>
      context.addIssue({ code: 'custom', path: ['filesystems', index, at], message });
    const region = file.regions.find((each) => each.name === filesystem.region);
    if (region === undefined) {
      complain('region', `expected one of the regions: ${regions.join(', ')}`);
      continue;
    }
    const needed = kinds.find(({ kind }) => kind === region.kind)?.filesystemSetting;
    if (needed !== undefined && filesystem[needed] === undefined)
      complain(needed, `is needed: the region ${region.name} is ${region.kind}`);
  }
}

export type ConfigFile = z.output<typeof configFile>;
export type ConfigFileSchema = typeof configFile;
export type FilesystemConfig = ConfigFile['filesystems'][number];
export type RuntimeConfig = z.output<typeof runtimeSchema>;
export type KubernetesRuntime = z.output<typeof kubernetesRuntime>;

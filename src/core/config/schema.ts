import { z } from 'zod';
import { gatewaySchema } from './gateway.ts';
import { httpSchema } from './http.ts';
import { kubernetesSettings } from './kubernetes-region.ts';
import { launchArgumentsSchema } from './launch-arguments.ts';
import { localSettings } from './local-region.ts';
import { configName } from './names.ts';
import { pathSetting } from './paths.ts';
import type { RegionConfig, RegionSettings } from './region-settings.ts';
import { checkPeople, groupSchema, personSchema, slackSchema } from './people.ts';
import { checkPolicyNames } from './policy-names.ts';
import type { OperationForRules } from './policy-names.ts';
import { approvalsSchema, policySchema } from '../policy/schema.ts';
import { categories, formats } from '../base/categories.ts';
import { durationSchema } from '../base/duration.ts';

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

/** Engines whose flags EcoLink knows. `runtimes/launch-arguments/` has a list for each. */
export const engines = ['vllm', 'vllm-omni', 'sglang', 'tei', 'llama.cpp', 'llama-engine'] as const;

const apiPath = /^(\/[\w.~-]+)+$/;

/** The settings of every runtime. */
const runtimeShape = {
  name,
  categories: z.array(z.enum(categories)).min(1),
  formats: z.array(z.enum(formats)).min(1),
  /**
   * EcoLink fills in {model_path}, {model_dir}, {served_name}, {host}, {port} and, in Kubernetes, {drain_seconds}. For GGUF,
   * {model_path} is the file and {model_dir} its model's folder; else both are the folder.
   */
  arguments: z.array(z.string()).default([]),
  /** Arguments that a launch may replace: one that gives the same flag gets its own value. */
  default_arguments: z.array(z.string()).default([]),
  /** The name under which the engine serves a model, for engines that do not take a model id. Callers do not see it. */
  served_name: z
    .string()
    .regex(/^[\w.{}/-]*\{model\}[\w.{}/-]*$/, 'must contain {model}, without a colon, such as {model}-{instance}')
    .optional(),
  /** More arguments for models of a category. */
  category_arguments: z.partialRecord(z.enum(categories), z.array(z.string())).default({}),
  /** Hub tasks that it serves in a category, if not all (`audio` is speech to text and text to speech). */
  category_tasks: z.partialRecord(z.enum(categories), z.array(z.string())).default({}),
  /** The flag for the context length, if the engine has one. */
  context_argument: z.string().optional(),
  /** Value of that flag if a launch gives no length, by category: the engine's word for "what fits". */
  context_default: z.partialRecord(z.enum(categories), z.string()).default({}),
  /** Where a running engine reports its context length: a path, and a field of its JSON such as data.0.max_model_len. */
  context_report: z.strictObject({ path: z.string().startsWith('/'), field: z.string().min(1) }).optional(),
  /** The flag for the number of accelerators of a replica, if the engine has one. */
  parallel_argument: z.string().optional(),
  /** Arguments for fields of a launch. EcoLink fills in {value}. A launch cannot give a field that is not here. */
  launch_fields: z
    .strictObject({
      /** Calls that the engine works on at the same time. */
      max_sequences: z.array(z.string()).optional(),
      /** The part of each accelerator's memory that it takes, from 0 to 1. */
      memory_share: z.array(z.string()).optional(),
      quantization: z.array(z.string()).optional(),
    })
    .default({}),
  /** The flag for the vision projector of a GGUF. */
  projector_argument: z.string().optional(),
  /** True: EcoLink adds what a model needs, such as the parser of its tool calls. For vLLM and SGLang as their packages are. */
  fits_model: z.boolean().default(false),
  /** False: the engine lacks what it needs to read audio, so EcoLink launches no speech to text with it. */
  reads_audio: z.boolean().default(true),
  /** Most accelerators that one replica can use. Default: no limit. */
  maximum_accelerators: z.int().positive().optional(),
  /** What the engine takes of each accelerator: its share of the memory, and what it needs besides weights and cache. */
  memory: z
    .strictObject({
      share: z.number().positive().max(1).default(0.9),
      overhead_mib: z.int().nonnegative().default(512),
    })
    .prefault({}),
  health: z.string().startsWith('/').default('/health'),
  /** Start of its OpenAI API: a call of /v1/chat/completions goes to <api_path>/chat/completions. */
  api_path: z.string().regex(apiPath, 'must begin with "/" and not end with one, such as /v1').default('/v1'),
  /** Form of rerank calls: as vLLM, Jina and Cohere (`v1`), or as Text Embeddings Inference (`tei`: /rerank, `texts`). */
  rerank: z.enum(['v1', 'tei']).default('v1'),
  /**
   * Paths of the engine that callers may use behind `/instances/<id>/proxy`, such as `POST /v1/chat/completions`, or
   * `/v1/videos/*` for one more segment. Other paths need the scope `operate`. Default: those that EcoLink knows of the engine.
   */
  caller_paths: z
    .array(
      z
        .string()
        .regex(/^(?:(?:GET|POST|PUT|PATCH|DELETE) )?\/[\w.~:/-]*\*?$/, 'must be a path, or a method and a path'),
    )
    .optional(),
  /** Routes below /v1 that its models serve beside those of their category. */
  more_routes: z.array(z.string().startsWith('/v1/')).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  /** Launches may give the flags that EcoLink lists for this engine. Default: the engine that the runtime is named after. */
  engine: z.enum(engines).optional(),
  /** More flags that a launch may give. */
  launch_arguments: launchArgumentsSchema,
  /** True: the engine runs code that comes with the model, whatever its arguments say. */
  runs_code: z.boolean().default(false),
};

const localRuntime = z.strictObject({
  ...runtimeShape,
  kind: z.literal('local'),
  command: z.array(z.string()).min(1),
  /** Folders and files that the engine reads besides its program and its model. */
  reads: z.array(pathSetting).optional(),
  /** The environment variable in which the engine takes a key for its API. EcoLink makes a key for each replica. */
  key_variable: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/)
    .optional(),
});

const kubernetesRuntime = z.strictObject({
  ...runtimeShape,
  kind: z.literal('kubernetes'),
  image: z.string().min(1),
  /** The image for launches without accelerators, if it is another. */
  cpu_image: z.string().min(1).optional(),
  /** Replaces the entry point of the image. */
  command: z.array(z.string()).min(1).optional(),
  port: z.int().min(1024).max(65535).default(8000),
  /** User id of the engine. Default: the one of the region. */
  user: z.int().positive().optional(),
  /** What the engine does with open calls when it gets SIGTERM. */
  ends: z.enum(['after_calls', 'at_once']).default('at_once'),
  /** Seconds that a replica may work on open calls before it ends. With `at_once` it gets SIGTERM after this time. */
  drain_seconds: z.int().min(10).max(3600).optional(),
  /** What it was tried with, for the docs. Undefined: it was not tried yet. */
  tried: z.string().optional(),
});

export const runtimeSchema = z.discriminatedUnion('kind', [localRuntime, kubernetesRuntime]);

/** Runtimes that need no configuration. */
const builtInNames = ['vllm', 'tei', 'sglang', 'vllm-omni', 'llama.cpp'] as const;

/** What an operator adds to a built-in runtime, in every region that has it. Nothing else of it changes. */
const builtInAddition = z.strictObject({
  name: z.enum(builtInNames),
  kind: z.literal('built-in'),
  launch_arguments: launchArgumentsSchema,
  /** More arguments for each launch. A launch cannot change them. */
  arguments: z.array(z.string()).default([]),
  /** More variables, or other values of those that it has. */
  environment: z.record(z.string(), z.string()).default({}),
  /** Other images, for Kubernetes regions. */
  image: z.string().min(1).optional(),
  cpu_image: z.string().min(1).optional(),
  /** True: the image, or the program on the machine, has what the engine needs to read audio. */
  reads_audio: z.boolean().optional(),
});

const runtimeEntrySchema = z.discriminatedUnion('kind', [localRuntime, kubernetesRuntime, builtInAddition]);

/** The built-in kinds of regions, as the file names them. `regions/kinds.ts` has a row for each. */
export const regionSettings: readonly RegionSettings[] = [localSettings, kubernetesSettings];

/**
 * The schema of `ecolink.yaml` with these kinds of regions. Everything has a default: a missing file is an empty one.
 * `operations`: with them, rules of the policy may only name these.
 */
export function configFileSchema(kinds: readonly RegionSettings[], operations?: readonly OperationForRules[]) {
  return z
    .strictObject({
      regions: regionsSchema(kinds),
      /** In how many regions a launch runs that names none. With two, an instance survives the loss of a region. */
      default_regions: z.int().min(1).max(20).default(1),
      filesystems: z.array(filesystemSchema).default([]),
      runtimes: z.array(runtimeEntrySchema).default([]),
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
      http: httpSchema.prefault({}),
      gateway: gatewaySchema.prefault({}),
      slack: slackSchema.prefault({}),
      /** How long new tokens are valid: if nothing is said, and at most. */
      tokens: z
        .strictObject({
          default_expiry: durationSchema.default('90d'),
          maximum_expiry: durationSchema.default('366d'),
        })
        .prefault({}),
    })
    .superRefine(checkNames)
    .superRefine((file, context) => checkReferences(file, kinds, context))
    .superRefine(checkPeople)
    .superRefine((file, context) => checkPolicyNames(file, operations, context));
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
    const second = names.findIndex((each, index) => names.indexOf(each) !== index);
    if (second === -1) continue;
    context.addIssue({ code: 'custom', path: [list, second, 'name'], message: `"${names[second]}" is used twice` });
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
export type BuiltInAddition = z.output<typeof builtInAddition>;
export type Engine = (typeof engines)[number];
export type KubernetesRuntime = z.output<typeof kubernetesRuntime>;

import { z } from 'zod';
import { roles } from '../access/caller.ts';
import { categories, formats } from '../registry/model.ts';

const name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,46}[a-z0-9])?$/,
    'must be 1 to 48 lower-case letters, digits, "." and "-", with a letter or digit at both ends',
  );

const acceleratorSchema = z.strictObject({
  name,
  total: z.int().nonnegative().optional(),
  memory_gib: z.number().positive().optional(),
});

const localRegion = z.strictObject({
  name,
  kind: z.literal('local'),
  path: z.string().min(1).optional(),
  accelerators: z.array(acceleratorSchema).default([]),
});

const filesystemSchema = z.strictObject({
  name,
  region: name,
  path: z.string().min(1),
  mount_path: z.string().startsWith('/').optional(),
});

const servedBy = {
  name,
  categories: z.array(z.enum(categories)).min(1),
  formats: z.array(z.enum(formats)).min(1),
  /** Words in which {model_path}, {served_name}, {host} and {port} are filled in. */
  arguments: z.array(z.string()).default([]),
  /** Further arguments for models of a category. */
  category_arguments: z.partialRecord(z.enum(categories), z.array(z.string())).default({}),
  /** Hub tasks that it serves in a category, where the category alone does not say (`audio` is speech to text, or text to speech). */
  category_tasks: z.partialRecord(z.enum(categories), z.array(z.string())).default({}),
  /** The flag that takes the context length, if the engine has one. */
  context_argument: z.string().optional(),
  /** The flag that takes the number of accelerators of a replica, if the engine has one. */
  parallel_argument: z.string().optional(),
  /** The most accelerators that one replica can use; without it, as many as it is given. */
  maximum_accelerators: z.int().positive().optional(),
  health: z.string().startsWith('/').default('/health'),
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
  /** What it was tried with, for the docs; absent means that nobody here tried it. */
  tried: z.string().optional(),
});

export const runtimeSchema = z.discriminatedUnion('kind', [localRuntime, kubernetesRuntime]);

const personSchema = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(roles),
  /** `slack:<team>/<user>` or `local`. */
  identities: z
    .array(z.string().regex(/^(?:local|slack:[A-Z0-9]+\/[A-Z0-9]+)$/, 'must be "local" or "slack:TEAM/USER"'))
    .min(1),
});

const slackSchema = z.strictObject({
  /** Where launches are announced when a form gave no channel. */
  channel: z.string().optional(),
});

/** The shape of `ecolink.yaml`. Everything has a default: an absent file is an empty one. */
export const configFile = z
  .strictObject({
    regions: z
      .array(localRegion)
      .min(1)
      .default([{ name: 'local', kind: 'local', accelerators: [] }]),
    filesystems: z.array(filesystemSchema).default([]),
    runtimes: z.array(runtimeSchema).default([]),
    /** Price per hour of one accelerator, by its name. */
    prices: z.record(z.string(), z.number().nonnegative()).default({}),
    people: z.array(personSchema).default([]),
    /** What unused weights are evicted by themselves; nothing is, unless one of the two is set. */
    cache: z
      .strictObject({
        keep_days: z.number().positive().optional(),
        /** For each region. */
        maximum_gib: z.number().positive().optional(),
      })
      .default({}),
    slack: slackSchema.default({}),
  })
  .superRefine(checkNames)
  .superRefine(checkReferences);

interface Named {
  name: string;
}

function checkNames(
  file: { regions: Named[]; filesystems: Named[]; runtimes: Named[]; people: Named[] },
  context: z.RefinementCtx,
): void {
  for (const list of ['regions', 'filesystems', 'runtimes', 'people'] as const) {
    const names = file[list].map((each) => each.name);
    const again = names.findIndex((name, index) => names.indexOf(name) !== index);
    if (again === -1) continue;
    context.addIssue({ code: 'custom', path: [list, again, 'name'], message: `"${names[again]}" is there twice` });
  }
}

function checkReferences(
  file: { regions: Named[]; filesystems: { region: string }[] },
  context: z.RefinementCtx,
): void {
  const regions = file.regions.map((region) => region.name);
  for (const [index, { region }] of file.filesystems.entries()) {
    if (regions.includes(region)) continue;
    const message = `expected one of the regions: ${regions.join(', ')}`;
    context.addIssue({ code: 'custom', path: ['filesystems', index, 'region'], message });
  }
}

export type ConfigFile = z.output<typeof configFile>;
export type RegionConfig = ConfigFile['regions'][number];
export type FilesystemConfig = ConfigFile['filesystems'][number];
export type RuntimeConfig = z.output<typeof runtimeSchema>;
export type LocalRuntime = z.output<typeof localRuntime>;
export type KubernetesRuntime = z.output<typeof kubernetesRuntime>;

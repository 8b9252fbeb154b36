import { z } from 'zod';
import { proseSchema } from '../base/prose.ts';
import { instanceStates } from '../instances/states.ts';
import { sharings } from '../region/capabilities.ts';
import { field } from '../operation/operation.ts';
import { sourceName } from './source-fields.ts';
import { categories, formats } from '../base/categories.ts';

/** Every list has these two fields. */
export const paging = {
  cursor: field(z.string().optional(), {
    label: 'Cursor',
    help: 'The next_cursor of the page before.',
    advanced: true,
  }),
  limit: field(z.int().min(1).max(100).default(20), {
    label: 'Limit',
    help: 'How many items, 1 to 100.',
    brief: 'How many items.',
    advanced: true,
  }),
};

/** Every mutation has this field. */
export const idempotency = {
  idempotency_key: field(z.string().min(1).max(200).optional(), {
    label: 'Idempotency key',
    help: 'Makes a repeated call safe: a fresh random value for each intended change, the same value only for a retry. For 7 days, the same key with the same input does nothing again.',
    brief: 'A fresh random value for each intended change, the same only for a retry.',
    advanced: true,
  }),
};

export const modelField = {
  label: 'Model',
  help: 'Name of a registered model.',
  example: 'tiny-chat',
  choices: { operation: 'list_models', value: 'name' },
  positional: true,
};

export const instanceField = {
  label: 'Instance',
  help: 'Number of the instance, or "name:number".',
  brief: 'Its number, or "name:number".',
  example: '3',
  choices: { operation: 'list_instances', value: 'id', label: 'model_id' },
  positional: true,
};

/** The number of an instance, written `3` or `tiny-chat:3`. A string, so that flags, forms and tools can all give it. */
export const instanceReference = z.coerce
  .string()
  .regex(/^(?:[^:]+:)?[1-9][0-9]*$/, 'must be an instance number such as 3, or "name:3"');

export const regionsField = {
  label: 'Regions',
  help: 'Names of regions. Default: the best one, by free accelerators, cache and price.',
  example: 'local',
  choices: { operation: 'list_regions', value: 'name' },
};

/** More is not refused: the wait is cut to `longestWaitMs`. */
export const waitSeconds = field(z.int().min(0).optional(), {
  label: 'Wait',
  help: 'Seconds to wait for the next change of state. It never waits longer than 25. Returns at once if the state cannot change by itself.',
  example: '25',
  brief: 'Seconds to wait for the next change of state.',
  advanced: true,
});

/** The record of a committed change of an instance. Receipts of older versions fit. */
/** The files of a source that are not fetched, by reason. `example` is the largest one. */
export const leftOutShape = z.array(
  z.object({ reason: z.string(), files: z.number(), bytes: z.number(), example: z.string() }),
);

/** Which accelerators hold a model. The count is for each replica, the context length for one sequence. */
export const fitsShape = z.array(
  z.object({
    region: z.string(),
    runtime: z.string(),
    accelerator: z.string(),
    count: z.int(),
    context_length: z.int(),
    free: z.int().nullable(),
    cost_per_hour: z.number().nullable(),
  }),
);

export const committedChange = z.object({
  instance: z.int(),
  model: z.string(),
  state: z.string(),
  stop_at: z.string().optional(),
});

/** What a launch commits. Older versions did not keep where it goes. */
export const committedLaunch = committedChange.extend({
  regions: z.array(z.string()).optional(),
  cost_per_hour: z.number().nullable().optional(),
});

/** An instance, as far as somebody needs who is about to launch another one. */
const runningInstance = z.object({
  instance: z.int(),
  model_id: z.string(),
  state: z.string(),
  regions: z.array(z.string()),
});

/** The output of a mutation. A call that waits for approval has these fields only. */
export const receipt = z.object({
  model: z.string().optional(),
  instance: z.int().optional(),
  /** Clients send this as `model`. */
  model_id: z.string().optional(),
  /** What waits for approval, in one line. */
  what: z.string().optional(),
  /** `awaiting_approval` if people must decide first. */
  state: z.string(),
  /** Where a launch goes. With one region there is no failover. */
  regions: z.array(z.string()).optional(),
  failover: z.boolean().optional(),
  /** Null if unknown. */
  cost_per_hour: z.number().nullable().optional(),
  /** Files of a registered model's source that no launch fetches. */
  left_out: leftOutShape.optional(),
  approval: z
    .object({ id: z.int(), url: z.string().optional(), approvers: z.array(z.string()), expires_at: z.string() })
    .optional(),
  /** Other instances of the same model that run or start. */
  already_running: z.array(runningInstance).optional(),
  /** True if an earlier call with the same idempotency key did it. The other fields say how it is now. */
  replayed: z.boolean().optional(),
  first_called_at: z.string().optional(),
  next_step: proseSchema,
});

const reason = z.object({ code: z.string(), message: z.string() });

/** `message` may hold words of an engine or a cluster, so it is never part of a sentence of ours. */
export const failureShape = z.object({
  code: z.string(),
  message: z.string(),
  region: z.string(),
  next_step: proseSchema,
});

export const modelSummary = z.object({
  name: z.string(),
  source: sourceName,
  category: z.enum(categories),
  /** The source in one line. */
  origin: z.string(),
  commit: z.string().optional(),
  format: z.enum(formats),
  bytes: z.number(),
  region: z.string().optional(),
  owner: z.string(),
  created_at: z.string(),
});

export const fileShape = z.object({ path: z.string(), size: z.number() });

/** Weights, the cache of one sequence and what the engine needs itself, on all accelerators together; null: unknown. */
export const memoryShape = z.number().nullable();

export const modelShape = modelSummary.extend({
  repo: z.string().optional(),
  revision: z.string().optional(),
  filesystem: z.string().optional(),
  subfolder: z.string().optional(),
  path: z.string().optional(),
  licence: z.string().optional(),
  gated: z.boolean(),
  private: z.boolean(),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  files: z.array(fileShape),
  file_count: z.int(),
  memory_bytes: memoryShape,
  /** Reasons why a launch may not work. */
  warnings: z.array(proseSchema),
  left_out: leftOutShape,
  instances: z.array(z.object({ id: z.int(), state: z.enum(instanceStates) })),
  next_step: proseSchema,
});

export const progressShape = z.object({
  done: z.number(),
  total: z.number(),
  rate: z.number(),
  seconds_left: z.number().nullable(),
});

export const instanceSummary = z.object({
  id: z.int(),
  model_id: z.string(),
  model: z.string(),
  category: z.enum(categories),
  state: z.enum(instanceStates),
  regions: z.array(z.string()),
  replicas: z.int(),
  ready: z.int(),
  owner: z.string(),
  created_at: z.string(),
  /** Why it does not run, or not in every region. */
  failure_code: z.string().optional(),
});

export const instanceShape = instanceSummary.omit({ failure_code: true }).extend({
  regions: z.array(
    z.object({
      region: z.string(),
      state: z.enum(instanceStates),
      replicas: z.int(),
      ready: z.int(),
      restarts: z.int(),
      progress: progressShape.optional(),
      reason: reason.optional(),
      image: z.string().optional(),
      /** As the engine reports it. */
      context_length: z.int().optional(),
    }),
  ),
  runtime: z.string(),
  arguments: z.array(z.string()),
  context_length: z.int().optional(),
  accelerator: z.string().optional(),
  accelerator_count: z.int().optional(),
  private: z.boolean(),
  /** Why it was asked for, in the requester's words. */
  asked_because: z.string().optional(),
  /** The same as `asked_because`, for clients of older versions. */
  reason: z.string().meta({ notForTools: true }).optional(),
  stop_at: z.string().optional(),
  /** Says when the instance stops, if that is soon. */
  warning: proseSchema.optional(),
  /** The base URL for OpenAI clients. */
  url: z.string(),
  /** False while a region is on its way to another state. */
  settled: z.boolean(),
  /** Why it does not run, or not in every region. */
  failure: failureShape.optional(),
  /** How to call it. Absent: nothing answers. */
  call: z.object({ method: z.string(), url: z.string(), model: z.string() }).optional(),
  next_step: proseSchema,
});

export const planShape = z.object({
  model: z.string(),
  commit: z.string().optional(),
  regions: z.array(
    z.object({
      region: z.string(),
      volume: z.object({
        state: z.enum(['hit', 'joining', 'miss', 'mounted']),
        bytes_to_fetch: z.number(),
        /** Bytes that come from other volumes of the region, and how. */
        bytes_shared: z.number().optional(),
        shared_by: z.enum(sharings).optional(),
      }),
      replicas: z.int(),
      runtime: z.string(),
      arguments: z.array(z.string()),
      image: z.string().optional(),
      accelerator: z.string().optional(),
      accelerator_count: z.int().optional(),
      memory_bytes: memoryShape,
      /** The requested length, else an estimate of what fits. */
      context_length: z.int().nullable(),
      cost_per_hour: z.number().nullable(),
      /** Until it is ready: half of the launches take no longer, and nine of ten no longer than the next figure. */
      estimated_seconds: z.number(),
      estimated_seconds_p90: z.number(),
      /** `history`: from downloads and starts of this installation. */
      estimate_basis: z.enum(['history', 'assumed']),
      /** The arguments that the launch gave, each with its risk. */
      launch_arguments: z.array(z.object({ argument: z.string(), risk: z.string().optional() })).optional(),
      /** What makes the engine run code that comes with the model. */
      runs_code: z.array(z.string()).optional(),
    }),
  ),
  /** Whether it still runs if one region fails. */
  failover: z.boolean(),
  cost_per_hour: z.number().nullable(),
  bytes_to_fetch: z.number(),
  /** The bytes to fetch, of the bytes of the model, in words. */
  download: z.string().optional(),
  /** What people should know before they launch or approve. */
  warnings: z.array(proseSchema),
  fits: fitsShape,
  left_out: leftOutShape,
  /** For a model on a filesystem: how the folder differs from the registered one. */
  changes: z.array(z.string()),
  digest: z.string(),
  /** Instances of this model that run or start already. */
  already_running: z.array(runningInstance),
  next_step: proseSchema,
});

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().optional() });
}

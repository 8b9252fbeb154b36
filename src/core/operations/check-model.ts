import { z } from 'zod';
import { proseSchema } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { categories, formats } from '../base/categories.ts';
import { fileShape, fitsShape, memoryShape, leftOutShape } from './shapes.ts';
import { sourceFields, sourceName } from './source-fields.ts';

export const checkModel = defineQuery({
  name: 'check_model',
  title: 'Check a model',
  description:
    'Shows what registering a model would save, and saves nothing: commit, size, files, what is left out, formats, whether it can be downloaded, licence, suggested category and runtime, memory, whether the branch has moved since an entry was made.',
  group: 'models',
  effect: 'read',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'register', step: true },
  withoutServer: true,
  input: z.strictObject(sourceFields),
  output: z.object({
    source: sourceName,
    repo: z.string().optional(),
    revision: z.string().optional(),
    commit: z.string().optional(),
    path: z.string().optional(),
    region: z.string().optional(),
    bytes: z.number(),
    file_count: z.int(),
    files: z.array(fileShape),
    format: z.enum(formats),
    formats: z.array(z.enum(formats)),
    gated: z.boolean(),
    downloadable: z.boolean(),
    licence: z.string().optional(),
    category: z.enum(categories).optional(),
    category_reason: z.string(),
    runtimes: z.array(z.object({ region: z.string(), runtime: z.string() })),
    memory_bytes: memoryShape,
    fits: fitsShape,
    warnings: z.array(proseSchema),
    /** The other files of the source, by reason. They are not fetched. */
    left_out: leftOutShape,
    entries: z.array(z.object({ name: z.string(), commit: z.string(), moved: z.boolean() })),
  }),
  examples: [{ source: 'huggingface', repo: 'Qwen/Qwen2.5-0.5B-Instruct-GGUF', include: ['*q4_k_m.gguf'] }],
  handler: (input, { services, caller }) => services.registry.check(input, caller),
});

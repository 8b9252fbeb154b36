import { z } from 'zod';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { categories } from '../base/categories.ts';
import { listOf, modelSummary, paging } from './shapes.ts';

export const listModels = defineQuery({
  name: 'list_models',
  title: 'List models',
  description: 'Lists the registered models, by name.',
  group: 'models',
  effect: 'read',
  role: 'viewer',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'models' },
  withoutServer: true,
  input: z.strictObject({
    category: field(z.enum(categories).optional(), {
      label: 'Category',
      help: 'Only models of this category.',
      example: 'chat',
    }),
    query: field(z.string().max(100).optional(), {
      label: 'Search',
      help: 'Only models whose name, repo or folder contains this.',
      example: 'qwen',
    }),
    ...paging,
  }),
  output: listOf(modelSummary),
  columns: ['name', 'category', 'origin', 'format', 'bytes', 'owner', 'created_at'],
  examples: [{}, { category: 'chat', query: 'qwen' }],
  handler: (input, { services, caller }) => services.registry.list(input, caller),
});

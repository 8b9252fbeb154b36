import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { previewPrefetch } from './previews/prefetch.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { idempotency, modelField, receipt, regionsField } from './shapes.ts';

export const prefetchModel = defineMutation({
  name: 'prefetch_model',
  title: 'Prefetch a model',
  description: say`Fetches the weights of a model into regions ahead of a launch. ${run('list_cache')} follows it.`,
  group: 'regions',
  effect: 'write',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp'],
  withoutServer: false,
  input: z.strictObject({
    model: field(z.string().min(1), modelField),
    regions: field(z.array(z.string().min(1)).min(1).max(20).optional(), regionsField),
    ...idempotency,
  }),
  output: receipt.extend({
    volumes: z.array(z.object({ volume: z.string(), region: z.string(), state: z.string() })).optional(),
  }),
  examples: [{ model: 'qwen-small', regions: ['local'] }],
  prepare: (input, { services, caller }) => services.cache.preparePrefetch(input, caller),
  preview: previewPrefetch,
  committed: z.object({
    model: z.string(),
    volumes: z.array(z.object({ volume: z.string(), region: z.string() })),
  }),
  commit: (prepared, unit, { services }) => services.cache.commitPrefetch(prepared, unit),
  async respond({ model, volumes: wanted }, { services }) {
    const states = await services.cache.states(wanted.map(({ volume }) => volume));
    const volumes = wanted.map((each) => ({ ...each, state: states.get(each.volume) ?? 'queued' }));
    return volumes.every(({ state }) => state === 'ready')
      ? {
          model,
          state: 'ready',
          next_step: say`The weights are there. Launch it: ${run('launch_instance', { model })}.`,
          volumes,
        }
      : {
          model,
          state: 'queued',
          next_step: say`${run('list_cache')} shows the progress. A launch in the meantime joins the download.`,
          volumes,
        };
  },
});

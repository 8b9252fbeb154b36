import { z } from 'zod';
import { fieldRef, run, say } from '../base/prose.ts';
import { defineMutation } from './define.ts';
import { previewVolumes } from './previews/volumes.ts';
import { field } from '../operation/operation.ts';
import { receipt } from './shapes.ts';
import { volumeFields } from './volume-fields.ts';

export const pinCache = defineMutation({
  name: 'pin_cache',
  title: 'Pin cached weights',
  description: say`Keeps cached weights from being evicted by a policy. ${fieldRef('pinned', 'false')} lifts it.`,
  group: 'regions',
  effect: 'write',
  mayDestroy: true,
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp'],
  withoutServer: false,
  input: z.strictObject({
    ...volumeFields,
    pinned: field(z.boolean().default(true), { label: 'Pinned', help: 'False removes the pin.', advanced: true }),
  }),
  output: receipt.extend({ volumes: z.array(z.string()).optional() }),
  examples: [{ model: 'qwen-small' }],
  async prepare(input, { services, caller }) {
    return { volumes: await services.cache.preparePin(input, caller), pinned: input.pinned };
  },
  // Without its pin, a policy may evict them.
  preview: ({ volumes, pinned }, input) => previewVolumes('Pin cached weights', volumes, input, !pinned),
  committed: z.object({ state: z.string(), volumes: z.array(z.string()) }),
  async commit({ volumes, pinned }, unit, { services }) {
    await services.cache.commitPin(volumes, pinned, unit);
    return { state: pinned ? 'pinned' : 'not pinned', volumes: volumes.map(({ key }) => key) };
  },
  async respond({ state, volumes }) {
    const next =
      state === 'pinned'
        ? say`No policy evicts them. ${run('evict_cache')} still can.`
        : 'A policy may evict them when nothing uses them.';
    return { state, volumes, next_step: next };
  },
});

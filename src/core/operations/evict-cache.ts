import { z } from 'zod';
import { previewEviction } from './previews/eviction.ts';
import { defineMutation } from './define.ts';
import { receipt } from './shapes.ts';
import { volumeFields } from './volume-fields.ts';

export const evictCache = defineMutation({
  name: 'evict_cache',
  title: 'Evict cached weights',
  description:
    'Deletes cached weights and says how many bytes that freed. Refused while a download or an instance that is not stopped uses them.',
  group: 'regions',
  effect: 'destructive',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'cache evict', confirm: true },
  withoutServer: false,
  input: z.strictObject(volumeFields),
  output: receipt.extend({
    /** Absent if it is not known: a Kubernetes region cannot measure a volume that was never complete. */
    freed_bytes: z.number().optional(),
    volumes: z.array(z.string()).optional(),
  }),
  examples: [{ model: 'qwen-small' }, { volume: 'v-3f2a9c1b7d4e' }],
  prepare: (input, { services, caller }) => services.cache.prepareEviction(input, caller),
  preview: previewEviction,
  committed: z.object({
    volumes: z.array(
      z.union([
        z.object({ volume: z.string(), held_bytes: z.number().optional() }),
        // Versions before 0.2 stored the keys alone.
        z.string().transform((volume) => ({ volume, held_bytes: undefined })),
      ]),
    ),
    remains: z.array(z.string()).default([]),
  }),
  commit: (prepared, unit, { services }) => services.cache.commitEviction(prepared, unit),
  async respond({ volumes, remains }, { services, signal }) {
    const freed = await services.cache.awaitEviction(volumes, signal);
    const known = freed.filter((bytes) => bytes !== undefined);
    const unknown = known.length < freed.length ? ['How much an incomplete download held is not known.'] : [];
    return {
      state: 'evicted',
      freed_bytes: known.length > 0 ? known.reduce((sum, bytes) => sum + bytes, 0) : undefined,
      volumes: volumes.map(({ volume }) => volume),
      next_step: [...remains, ...unknown, 'The next launch that needs them fetches them again.'].join(' '),
    };
  },
});

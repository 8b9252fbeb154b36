import { z } from 'zod';
import { defineMutation } from './define.ts';
import { previewVolumes } from './previews/volumes.ts';
import { field } from '../operation/operation.ts';
import { receipt } from './shapes.ts';
import { volumeFields } from './volume-fields.ts';

const { volume: _one, ...modelFields } = volumeFields;

export const verifyCache = defineMutation({
  name: 'verify_cache',
  title: 'Verify cached weights',
  description:
    'Reads cached weights again and compares every hash. A damaged volume is marked, and fetched again when it is needed. Takes as long as reading the weights.',
  group: 'regions',
  effect: 'write',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli'],
  withoutServer: false,
  input: z.strictObject({
    volumes: field(z.array(z.string().min(1).max(100)).min(1).max(100).optional(), {
      label: 'Volumes',
      help: 'Keys of volumes, or give a model.',
      example: 'v-3f2a9c1b7d4e',
      choices: { operation: 'list_cache', value: 'volume' },
    }),
    ...modelFields,
  }),
  output: receipt.extend({
    /** Keys of the volumes whose bytes are all right. */
    verified: z.array(z.string()).optional(),
    /** Keys of the others: damaged, or not complete. */
    unverified: z.array(z.string()).optional(),
  }),
  examples: [{ model: 'qwen-small' }, { volumes: ['v-3f2a9c1b7d4e'] }],
  prepare: (input, { services, caller }) => services.cache.prepareVerification(input, caller),
  preview: (volumes, input) => previewVolumes('Verify cached weights', volumes, input),
  committed: z.object({ volumes: z.array(z.string()) }),
  // Reading takes long, so it comes after the commit: it must not hold the transaction.
  commit: async (volumes) => ({ volumes: volumes.map(({ key }) => key) }),
  async respond({ volumes }, { services }) {
    const verified = await services.cache.verify(volumes);
    const unverified = volumes.filter((key) => !verified.has(key));
    return {
      state: unverified.length === 0 ? 'verified' : 'unverified',
      verified: [...verified],
      unverified,
      next_step:
        unverified.length === 0
          ? 'Every byte is right.'
          : 'The next launch that needs a damaged volume fetches it again. Volumes that are not complete cannot be verified.',
    };
  },
});

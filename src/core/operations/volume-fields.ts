import { z } from 'zod';
import { fieldRef, say } from '../base/prose.ts';
import { field } from '../operation/operation.ts';
import { idempotency, modelField, regionsField } from './shapes.ts';

/** Volumes: one by its key, or those of a model. */
export const volumeFields = {
  volume: field(z.string().min(1).max(100).optional(), {
    label: 'Volume',
    help: say`Key of one volume. Or give ${fieldRef('model')}.`,
    example: 'v-3f2a9c1b7d4e',
    choices: { operation: 'list_cache', value: 'volume' },
  }),
  model: field(z.string().min(1).optional(), {
    ...modelField,
    help: 'Name of a model. Takes its volumes in the regions.',
  }),
  regions: field(z.array(z.string().min(1)).min(1).max(20).optional(), {
    ...regionsField,
    help: 'Only in these regions.',
  }),
  ...idempotency,
};

import { expect, test } from 'vitest';
import { z } from 'zod';
import { loosen, parseAnswer } from '../../src/client/read-answer.ts';
import { proseSchema, run, say } from '../../src/core/base/prose.ts';

const target = { url: 'http://127.0.0.1:7420', token: 'eco_x', tokenFrom: 'ECOLINK_TOKEN' };

const schema = z.object({
  state: z.enum(['running', 'stopped']),
  regions: z.array(z.object({ name: z.string(), kind: z.enum(['local']).optional() })),
  cost: z.number().nullable(),
  next_step: proseSchema,
});
const answer = { state: 'running', regions: [{ name: 'eu' }], cost: null, next_step: say`See ${run('list_models')}.` };

test('a newer server may send more fields, and values that an enum does not have', () => {
  const newer = { ...answer, state: 'paused', regions: [{ name: 'eu', kind: 'cloud', zone: 'b' }], colour: 'red' };
  expect(parseAnswer(loosen(schema), newer, target)).toEqual(newer);
});

test('an answer without a field that the program reads is an error that names the field', () => {
  for (const [wrong, field] of [
    [{ ...answer, regions: [{}] }, 'regions.0.name'],
    [{ ...answer, cost: 'much' }, 'cost'],
    [{ ...answer, next_step: [{ sound: 'ping' }] }, 'next_step'],
    ['<html>', ''],
  ] as const) {
    expect(() => parseAnswer(loosen(schema), wrong, target)).toThrow(
      expect.objectContaining({ code: 'bad_answer', message: expect.stringContaining(`"${field}`) }),
    );
  }
});

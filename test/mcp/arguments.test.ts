import { describe, expect, test } from 'vitest';
import { fail } from '../../src/core/base/errors.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import { catalogue, operations } from '../../src/core/operations/catalogue.ts';
import { exampleOf, readArguments } from '../../src/mcp/arguments.ts';
import { errorResult } from '../../src/mcp/results.ts';

describe('arguments as hosts send them', () => {
  test.each([
    ['a number as text', { replicas: '5' }, { replicas: 5 }],
    ['a list as JSON text', { regions: '["eu"]' }, { regions: ['eu'] }],
    ['one text for a list', { regions: 'eu' }, { regions: ['eu'] }],
    ['an empty text for an optional field', { reason: '', regions: '' }, {}],
    ['null', { reason: null, model: null }, {}],
    ['fields that hosts add', { toolCallId: 'call_1', sessionId: 's', chatInput: 'x' }, {}],
    ['an empty text in a required field', { model: '' }, { model: '' }],
    ['a text that is no number', { replicas: '5 or 6' }, { replicas: '5 or 6' }],
    ['a number that JSON does not know', { replicas: '0x10' }, { replicas: '0x10' }],
    ['a broken list', { regions: '["eu"' }, { regions: '["eu"' }],
    ['a list of something else', { regions: '[1]' }, { regions: '[1]' }],
    ['an unknown field', { colour: '5' }, { colour: '5' }],
  ])('are read where it is certain: %s', (_kind, given, read) => {
    expect(readArguments(operations.launch_instance, given)).toEqual(read);
  });

  test('are read where it is certain: a boolean as text', () => {
    const flags = inputFields(operations.pin_cache).filter(({ type }) => type === 'boolean');
    expect(flags).not.toEqual([]);
    for (const { name } of flags) {
      expect(readArguments(operations.pin_cache, { [name]: 'true' })).toEqual({ [name]: true });
      expect(readArguments(operations.pin_cache, { [name]: 'False' })).toEqual({ [name]: false });
      expect(readArguments(operations.pin_cache, { [name]: 'yes' })).toEqual({ [name]: 'yes' });
    }
  });
});

const fields = catalogue.flatMap((operation) =>
  inputFields(operation).map((field) => ({ title: `${operation.name}.${field.name}`, field })),
);

test.each(fields)('the example of $title is valid, in the shape of the field', ({ field }) => {
  expect(field.schema.safeParse(exampleOf(field))).toMatchObject({ success: true });
});

test('an error about a field shows its example, and at most ten valid values', () => {
  const validValues = Array.from({ length: 30 }, (_, index) => `v${index}`);
  const thrown = fail('bad_field', 'It is not valid.', { nextStep: 'Correct it.', field: 'regions', validValues });
  const [block] = errorResult(operations.launch_instance, thrown, () => {}).content;
  const body: unknown = JSON.parse(block?.type === 'text' ? block.text : '');
  expect(body).toMatchObject({ example: { regions: ['local'] }, valid_values: validValues.slice(0, 10) });
});

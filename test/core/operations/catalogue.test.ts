import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { roles } from '../../../src/core/base/caller.ts';
import { plainWords } from '../../../src/core/base/prose.ts';
import { catalogue, findOperation } from '../../../src/core/operations/catalogue.ts';
import { inputFields } from '../../../src/core/operation/operation.ts';
import type { Operation } from '../../../src/core/operation/operation.ts';
import { parseInput } from '../../../src/core/operation/parse-input.ts';

/** The fields of a list's items, or undefined for what is no list. */
function itemFields(operation: Operation): string[] | undefined {
  const items: unknown = operation.output.shape['items'];
  if (!(items instanceof z.ZodArray) || !(items.element instanceof z.ZodObject)) return undefined;
  return Object.keys(items.element.shape);
}

test('every name is there once and finds its operation', () => {
  const names = catalogue.map((operation) => operation.name);
  expect(new Set(names).size).toBe(names.length);
  for (const operation of catalogue) expect(findOperation(operation.name)).toBe(operation);
});

test('every schema is as the checked-in snapshot says', async () => {
  const schemas = Object.fromEntries(
    catalogue.map((operation) => [
      operation.name,
      { input: z.toJSONSchema(operation.input, { io: 'input' }), output: z.toJSONSchema(operation.output) },
    ]),
  );
  await expect(`${JSON.stringify(schemas, null, 2)}\n`).toMatchFileSnapshot('catalogue.snap');
});

describe.each(catalogue.map((operation) => [operation.name, operation] as const))('%s', (name, operation) => {
  const fields = inputFields(operation);

  test('is named verb_noun, says what it does, and is offered somewhere', () => {
    expect(name).toMatch(/^[a-z]+(?:_[a-z]+)+$/);
    expect(operation.title).toMatch(/^[A-Z].{3,40}[^.]$/);
    expect(plainWords(operation.description)).toMatch(/^[A-Z].{20,400}\.$/s);
    expect(operation.frontEnds.length).toBeGreaterThan(0);
    expect(roles).toContain(operation.role);
  });

  test('takes a flat, strict object of named fields, each with a label and a sentence of help', () => {
    expect(operation.input.def.catchall).toBeInstanceOf(z.ZodNever);
    for (const field of fields) {
      expect(field.name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
      expect(field.label).toMatch(/^[A-Z].{1,30}$/);
      expect(plainWords(field.help)).toMatch(/^[A-Z].*[.]$/s);
    }
    expect(fields.filter((field) => field.positional).length).toBeLessThanOrEqual(1);
    expect(fields.filter((field) => field.required && field.advanced)).toEqual([]);
  });

  test('refuses control characters in every field, by its name', () => {
    for (const field of fields) {
      for (const value of ['a\u0000b', ['ok', 'a\u001B[2Jb']])
        expect(() => parseInput(operation, { [field.name]: value })).toThrow(
          expect.objectContaining({ code: 'bad_field', field: field.name }),
        );
    }
  });

  test('has no root that model APIs refuse', () => {
    const schema = z.toJSONSchema(operation.input, { io: 'input' });
    expect(schema).not.toHaveProperty('anyOf');
    expect(schema).not.toHaveProperty('oneOf');
    expect(schema).not.toHaveProperty('allOf');
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
  });

  test('lets values be chosen from lists that exist and hold them', () => {
    for (const { choices } of fields) {
      if (!choices) continue;
      const list = findOperation(choices.operation);
      const shown = list ? itemFields(list) : undefined;
      expect(shown).toContain(choices.value);
      if (choices.label !== undefined) expect(shown).toContain(choices.label);
      expect(list && inputFields(list).filter((field) => field.required)).toEqual([]);
    }
  });

  test('ties fields to values that another field can have', () => {
    for (const { onlyWith, requiredThere } of fields) {
      if (requiredThere) expect(onlyWith).toBeDefined();
      if (!onlyWith) continue;
      expect(fields.find((field) => field.name === onlyWith.field)?.values).toContain(onlyWith.value);
    }
  });

  test('parses its own examples', () => {
    expect(operation.examples.length).toBeGreaterThan(0);
    for (const example of operation.examples) expect(parseInput(operation, example)).toMatchObject(example);
  });

  test('changes things under an idempotency key and with a receipt, or reads without one', () => {
    const key = fields.some((field) => field.name === 'idempotency_key');
    expect(key).toBe(operation.effect !== 'read');
    if (operation.effect === 'read') return;
    expect(Object.keys(operation.output.shape)).toEqual(expect.arrayContaining(['state', 'next_step']));
  });

  test('pages and shows columns of its items exactly where it is a list', () => {
    const items = itemFields(operation);
    expect(items !== undefined).toBe(name.startsWith('list_'));
    expect(operation.columns !== undefined).toBe(items !== undefined);
    if (!items) return;
    expect(items).toEqual(expect.arrayContaining([...(operation.columns ?? [])]));
    expect(operation.output.shape).toHaveProperty('next_cursor');
    expect(fields.find((field) => field.name === 'cursor')).toMatchObject({ required: false });
    expect(fields.find((field) => field.name === 'limit')).toMatchObject({ default: 20 });
    for (const limit of [0, 101]) expect(() => parseInput(operation, { limit })).toThrow('"limit"');
  });
});

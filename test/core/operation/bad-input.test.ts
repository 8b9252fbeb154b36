import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plainWords } from '../../../src/core/base/prose.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { inputFields } from '../../../src/core/operation/operation.ts';
import type { InputField } from '../../../src/core/operation/operation.ts';
import { capturedLog } from '../../support/captured-log.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';

const log = capturedLog();
let place: TestCore;
beforeAll(async () => {
  place = await startCore({ reconcile: false, log: log.log });
});
afterAll(() => place[Symbol.asyncDispose]());

/** What the operation says to an input, which must be an error that may be shown. */
async function refusal(operation: string, input: unknown): Promise<EcolinkError> {
  const thrown = await place.core.execute(operation, input, place.local).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof EcolinkError)) throw new Error(`${operation} took the input, or threw something else`);
  expect(plainWords(thrown.nextStep)).toMatch(/\.$/);
  expect(thrown.message).toMatch(/[.?]$/);
  expect(JSON.stringify(thrown.toBody())).not.toMatch(/\n {4}at |node_modules|\.ts:\d/);
  return thrown;
}

function wrongValue({ type }: InputField): unknown {
  return type === 'list' ? 'not-a-list' : { not: 'flat' };
}

const tokens = {
  'Hugging Face': 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz',
  EcoLink: `eco_${'Ab1_'.repeat(10)}`,
  Slack: 'xoxb-1234567890-abcdefghij',
};

describe.each(catalogue.map((operation) => [operation.name, operation] as const))('%s', (name, operation) => {
  const fields = inputFields(operation);
  const [example = {}] = operation.examples;

  test('refuses what is not an object of fields', async () => {
    for (const input of ['text', 7, [example], true]) {
      expect(await refusal(name, input)).toMatchObject({ kind: 'input', code: 'bad_input' });
    }
  });

  test('refuses a field that it does not have, and names the nearest that it has', async () => {
    const nearest = fields[0]?.name;
    const unknown = await refusal(name, { ...example, [`${nearest}x`]: 'value' });
    expect(unknown).toMatchObject({ kind: 'input', code: 'unknown_field', field: `${nearest}x` });
    if (nearest !== undefined) expect(unknown.message).toContain(`Did you mean "${nearest}"?`);
    expect(unknown.validValues).toEqual(fields.map((field) => field.name));
  });

  test('refuses a missing field by its name and help', async () => {
    for (const field of fields.filter((each) => each.required)) {
      const { [field.name]: _left, ...rest } = example;
      const missing = await refusal(name, rest);
      expect(missing).toMatchObject({ kind: 'input', code: 'field_missing', field: field.name });
      expect(missing.message).toContain(plainWords(field.help));
    }
  });

  test('refuses a value of the wrong type by the field’s name', async () => {
    for (const field of fields) {
      const wrong = await refusal(name, { ...example, [field.name]: wrongValue(field) });
      expect(wrong).toMatchObject({ kind: 'input', code: 'bad_field', field: field.name });
      if (field.values) expect(wrong.validValues).toEqual(field.values);
    }
  });

  test.each(Object.entries(tokens))('refuses the value of a token of %s wherever it stands', async (_, token) => {
    for (const field of fields) {
      const value = field.type === 'list' ? ['before', token] : token;
      const refused = await refusal(name, { ...example, [field.name]: value });
      expect(refused).toMatchObject({ kind: 'input', code: 'token_in_input' });
      expect(JSON.stringify(refused.toBody())).not.toContain(token);
    }
    expect(await refusal(name, { ...example, [token]: 'x' })).toMatchObject({ code: 'token_in_input' });
  });
});

test('an operation that does not exist is answered with the nearest', async () => {
  expect(await refusal('launch_instanse', {})).toMatchObject({
    code: 'operation_not_found',
    message: 'There is no operation "launch_instanse". Did you mean "launch_instance"?',
  });
  const body = JSON.stringify((await refusal(tokens['Hugging Face'], {})).toBody());
  expect(body).not.toContain(tokens['Hugging Face']);
});

test('no token that was sent is in the log or the audit, and nothing was done', async () => {
  for (const token of Object.values(tokens)) expect(log.text()).not.toContain(token);
  expect(log.text()).toContain('token_in_input');
  expect(await place.run('list_audit')).toMatchObject({ items: [{ operation: 'list_audit' }] });
  expect(await place.run('list_models')).toEqual({ items: [] });
});

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyId, open, seal } from '../../../src/core/secrets/box.ts';

const key = randomBytes(32);
const context = { table: 'credentials', id: 'crd_1', owner: 'per_1' };
const value = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';

test('a sealed value opens with its key, and does not contain the value', () => {
  const sealed = seal(key, context, value);
  expect(open(key, context, sealed)).toBe(value);
  expect(Buffer.from(sealed.slice(3), 'base64url').includes('AbCdEf')).toBe(false);
});

test('the same value is sealed differently each time', () => {
  expect(seal(key, context, value)).not.toBe(seal(key, context, value));
});

test.each([
  ['another key', randomBytes(32), context],
  ['another row', key, { ...context, id: 'crd_2' }],
  ['another owner', key, { ...context, owner: 'per_2' }],
  ['another table', key, { ...context, table: 'tokens' }],
])('%s does not open it', (_what, otherKey, otherContext) => {
  expect(open(otherKey, otherContext, seal(key, context, value))).toBeUndefined();
});

test('a changed, cut or foreign text does not open', () => {
  const sealed = seal(key, context, value);
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  for (const at of [0, 12, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(open(key, context, `v1.${changed.toString('base64url')}`)).toBeUndefined();
  }
  for (const text of ['', 'v1.', 'v1.AAAA', `v2.${sealed.slice(3)}`, sealed.slice(0, -4)]) {
    expect(open(key, context, text)).toBeUndefined();
  }
});

test("a key's id is unique and is no part of the key", () => {
  expect(keyId(key)).toBe(keyId(Buffer.from(key)));
  expect(keyId(key)).not.toBe(keyId(randomBytes(32)));
  expect(key.toString('hex')).not.toContain(keyId(key));
});

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyId, open, seal } from '../../../src/core/secrets/box.ts';

const key = randomBytes(32);
const place = { table: 'credentials', id: 'crd_1', owner: 'per_1' };
const value = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';

test('what is sealed opens with its key, and holds nothing of the value', () => {
  const sealed = seal(key, place, value);
  expect(open(key, place, sealed)).toBe(value);
  expect(Buffer.from(sealed.slice(3), 'base64url').includes('AbCdEf')).toBe(false);
});

test('the same value is sealed differently each time', () => {
  expect(seal(key, place, value)).not.toBe(seal(key, place, value));
});

test.each([
  ['another key', randomBytes(32), place],
  ['another row', key, { ...place, id: 'crd_2' }],
  ['another owner', key, { ...place, owner: 'per_2' }],
  ['another table', key, { ...place, table: 'tokens' }],
])('%s does not open it', (_what, otherKey, otherPlace) => {
  expect(open(otherKey, otherPlace, seal(key, place, value))).toBeUndefined();
});

test('a changed, cut or foreign text does not open', () => {
  const sealed = seal(key, place, value);
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  for (const at of [0, 12, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(open(key, place, `v1.${changed.toString('base64url')}`)).toBeUndefined();
  }
  for (const text of ['', 'v1.', 'v1.AAAA', `v2.${sealed.slice(3)}`, sealed.slice(0, -4)]) {
    expect(open(key, place, text)).toBeUndefined();
  }
});

test("a key's name is its own, and is not part of it", () => {
  expect(keyId(key)).toBe(keyId(Buffer.from(key)));
  expect(keyId(key)).not.toBe(keyId(randomBytes(32)));
  expect(key.toString('hex')).not.toContain(keyId(key));
});

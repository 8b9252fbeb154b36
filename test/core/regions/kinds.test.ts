import { expect, test } from 'vitest';
import { regionSettings } from '../../../src/core/config/schema.ts';
import { regionKinds } from '../../../src/core/regions/kinds.ts';

test('every kind of regions that the configuration file may name has a row in the table, and no other', () => {
  expect(regionKinds.map(({ settings }) => settings)).toEqual(regionSettings);
});

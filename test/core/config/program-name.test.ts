import { expect, test } from 'vitest';
import { programName } from '../../../src/core/config/program-name.ts';

test('in a clone, people type the npm script that they started the program with', () => {
  for (const script of ['ecolink', 'start']) {
    const clone = { npm_package_name: 'ecolink', npm_lifecycle_event: script };
    expect(programName(clone)).toBe('npm run -s ecolink --');
  }
});

test('everywhere else the program is on the PATH', () => {
  for (const environment of [
    {},
    { npm_package_name: 'my-app', npm_lifecycle_event: 'start' },
    { npm_package_name: 'ecolink', npm_lifecycle_event: 'test' },
    { npm_package_name: 'ecolink', npm_lifecycle_event: 'npx' },
  ]) {
    expect(programName(environment)).toBe('ecolink');
  }
});

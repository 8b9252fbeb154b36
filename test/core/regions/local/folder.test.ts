import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/core/base/clock.ts';
import { randomId } from '../../../../src/core/base/ids.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import { localKind } from '../../../../src/core/regions/local/kind.ts';
import { createSealer } from '../../../../src/core/secrets/sealer.ts';
import { temporaryFolder } from '../../instances/support/machine.ts';

test.each([
  ['the folder that its path names', 'elsewhere', 'elsewhere'],
  ['regions/<name> in the data folder if it has no path', undefined, join('regions', 'c')],
])('a local region keeps its files in %s', async (_what, path, expected) => {
  const dataDir = await temporaryFolder();
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const config = { name: 'c', kind: 'local', accelerators: [], path: path && join(dataDir, path) };
  const region = await localKind.open(config, {
    filesystems: [],
    runtimes: () => [],
    dataDir,
    privatePaths: [],
    sealer: createSealer(Buffer.alloc(32, 1), 'replica keys'),
    environment: {},
    store: 'store_test',
    log: createLog({ level: 'silent', pretty: false }),
    clock: systemClock,
    newId: randomId,
    workloadChanged: () => {},
    volumeChanged: () => {},
  });
  onTestFinished(() => region.close());
  expect(existsSync(join(dataDir, expected))).toBe(true);
});

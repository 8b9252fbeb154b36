import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { randomId } from '../../../src/core/base/ids.ts';
import { createLiveConfig } from '../../../src/core/config/live.ts';
import { loadConfig } from '../../../src/core/config/load.ts';
import { capturedLog } from '../../support/captured-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-live-'));
  path = join(folder, 'ecolink.yaml');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Replaces the file in one step, as an editor does. */
async function write(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function open() {
  await write('prices: { h100: 1 }');
  const clock = createFakeClock();
  const { log, lines } = capturedLog();
  const config = loadConfig({ ECOLINK_DATA_DIR: folder, ECOLINK_CONFIG: path });
  return { clock, lines, live: createLiveConfig({ config, log, clock, newId: randomId }) };
}

test('a changed file is read by the next call, and an unchanged one is the same object', async () => {
  const { live } = await open();
  const first = live.file();
  expect(live.file()).toBe(first);
  await write('prices: { h100: 2 }');
  expect(live.file().prices).toEqual({ h100: 2 });
});

test('a bad file and a missing one change nothing, and are each logged once without any call', async () => {
  const { clock, lines, live } = await open();
  await write('prices: { h100: cheap }');
  await clock.advance(10_000);
  expect(lines()).toMatchObject([{ code: 'bad_config', reason: expect.stringContaining('line 1: prices.h100') }]);
  await rm(path);
  await clock.advance(10_000);
  expect(lines().slice(1)).toMatchObject([{ code: 'bad_config', reason: expect.stringContaining('cannot be read') }]);
  expect(live.file().prices).toEqual({ h100: 1 });
});

test('a wall clock that is set back does not stop the looks', async () => {
  const { clock, lines } = await open();
  clock.shiftWallClock(-86_400_000);
  await write('nothing: here');
  await clock.advance(2000);
  expect(lines()).toHaveLength(1);
});

test('nothing looks at the file once it is disposed', async () => {
  const { clock, live } = await open();
  live[Symbol.dispose]();
  expect(clock.waiting()).toBe(0);
});

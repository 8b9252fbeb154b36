import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import { KiB, MiB, tuningEnv } from '../download/pulling.ts';
import { temporaryFolder, weights, writeConfig } from './support/machine.ts';
import { killAllOf, processesWith } from './support/processes.ts';
import { startServer } from './support/server.ts';
import type { ServerProcess } from './support/server.ts';

const size = 12 * MiB;
const tuning = { connections: 4, rangeBytes: 256 * KiB, stallMs: 20_000 };
/** A range for each connection, and what the last sync had not reached, which is kept below a quarter of that. */
const inFlight = 1.25 * tuning.connections * tuning.rangeBytes;
const regions = ['east', 'west'];

test('six launches in two regions are two downloads, though servers and downloads are killed all the while', async () => {
  const hub = await startHub();
  hub.addRepo('acme/tiny', weights(size));
  const dataDir = await temporaryFolder();
  let server: ServerProcess | undefined;
  onTestFinished(async () => {
    await server?.end('SIGKILL');
    await killAllOf(dataDir);
    await hub.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  await writeConfig(dataDir, hub.endpoint, { file: { regions: regions.map((name) => ({ name, kind: 'local' })) } });
  const serve = async (): Promise<ServerProcess> => {
    server = startServer(dataDir, hub.endpoint, tuningEnv(tuning));
    expect(await server.first).toEqual({ type: 'ready' });
    return server;
  };
  const first = await serve();
  await first.register('tiny', 'acme/tiny');
  hub.resetCounters();
  hub.faults.throttle = MiB / 2;
  const ids = await Promise.all(Array.from({ length: 6 }, () => first.launch('tiny', { regions })));
  expect(new Set(ids).size).toBe(6);

  let killed = 0;
  for (let step = 1; step <= 5; step += 1) {
    await expect.poll(() => hub.bytesSent(), { timeout: 30_000, interval: 2 }).toBeGreaterThan((step * size) / 5);
    const pulls = (await processesWith(dataDir)).filter(({ line }) => line.includes('pull-main'));
    // Never two of one volume at the same time, launchers that become one included.
    expect(pulls.length).toBeLessThanOrEqual(regions.length);
    const victim = pulls[step % pulls.length];
    if (victim && step % 2 === 1) {
      process.kill(victim.pid, 'SIGKILL');
      killed += 1;
    }
    await server?.end('SIGKILL');
    await serve();
  }
  expect(killed).toBeGreaterThan(1);
  hub.faults.throttle = undefined;
  for (const id of ids) {
    const instance = await server?.reach(id, 'running');
    expect(instance?.regions.map(({ region, ready }) => ({ region, ready }))).toEqual(
      regions.map((region) => ({ region, ready: 1 })),
    );
  }
  expect(hub.bytesSent()).toBeGreaterThanOrEqual(regions.length * size);
  expect(hub.bytesSent()).toBeLessThanOrEqual(regions.length * size + killed * inFlight);
  expect(await server?.volumes({ verify: true })).toMatchObject(
    regions.map(() => ({ state: 'ready', in_use_by: ids.toSorted((a, b) => a - b) })),
  );
}, 180_000);

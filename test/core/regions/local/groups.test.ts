import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../../../src/core/base/clock.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import { freePort } from '../../../../src/core/regions/local/ports.ts';
import { findProcess, membersOfGroup } from '../../../../src/core/regions/local/process-table.ts';
import {
  endRecorded,
  presenceOf,
  programOf,
  startRecorded,
} from '../../../../src/core/regions/local/recorded-process.ts';
import { LocalWorkloads } from '../../../../src/core/regions/local/workloads.ts';
import type { Workload } from '../../../../src/core/region/region.ts';
import { defined } from '../../../support/defined.ts';
import { engineScript, temporaryFolder } from '../../instances/support/machine.ts';
import { enginesWith, isAlive, processesWith } from '../../instances/support/processes.ts';

async function folderOfTest(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

function startEngine(folder: string, port: number, ...more: string[]): Promise<void> {
  return startRecorded(systemClock, {
    record: join(folder, 'process.json'),
    note: { port, spec: 's' },
    command: process.execPath,
    arguments: [engineScript, '--host', '127.0.0.1', '--port', String(port), '--model', folder, ...more],
    environment: {},
    folder,
    outputFile: join(folder, 'engine.log'),
    errorFile: join(folder, 'engine.log'),
    onExit: () => {},
  });
}

async function healthy(port: number): Promise<void> {
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/health`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
}

const recordSchema = z.object({ pid: z.number(), start_time: z.string(), note: z.looseObject({}) });

async function recordOf(folder: string) {
  return recordSchema.parse(JSON.parse(await readFile(join(folder, 'process.json'), 'utf8')));
}

/** A process that belongs to no replica. */
async function stranger(folder: string) {
  const child = spawn(process.execPath, [engineScript, '--stubborn', '--tag', folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  return child;
}

describe('a recorded process', () => {
  test('has its record before its command runs, and the record identifies it', async () => {
    const folder = await folderOfTest();
    const port = await freePort();
    await startEngine(folder, port);
    onTestFinished(() => endRecorded(systemClock, join(folder, 'process.json'), 0));
    const record = await recordOf(folder);
    expect(record).toMatchObject({ note: { port, spec: 's' } });
    expect((await findProcess(record.pid))?.startTime).toBe(record.start_time);
    expect(await presenceOf(join(folder, 'process.json'))).toBe('running');
  });

  test('is not started again while the process of its record runs', async () => {
    const folder = await folderOfTest();
    const port = await freePort();
    await startEngine(folder, port);
    onTestFinished(() => endRecorded(systemClock, join(folder, 'process.json'), 0));
    await healthy(port);
    await startEngine(folder, port);
    expect(await enginesWith(folder)).toEqual([(await recordOf(folder)).pid]);
    expect(await readFile(join(folder, 'engine.log'), 'utf8')).toContain('not started twice');
  });

  test('ends with its whole group, even if its children ignore TERM and outlive it', async () => {
    const folder = await folderOfTest();
    const port = await freePort();
    await startEngine(folder, port, '--worker');
    await healthy(port);
    const { pid } = await recordOf(folder);
    const members = (await membersOfGroup(pid)).map((member) => member.pid);
    expect(members).toHaveLength(2);
    await endRecorded(systemClock, join(folder, 'process.json'), 300);
    expect(await Promise.all(members.map(isAlive))).toEqual([false, false]);
    expect(await processesWith(folder)).toEqual([]);
    expect(await presenceOf(join(folder, 'process.json'))).toBe('none');
  });

  test('gets TERM alone: its workers go on with its calls until it ends', async () => {
    const folder = await folderOfTest();
    const script = [
      'const worker = require("node:child_process").fork(process.argv[1] + ".worker.cjs");',
      'worker.once("message", () => process.stdout.write("up\\n"));',
      'process.on("SIGTERM", () => worker.send("last call"));',
      'worker.on("message", (said) => { if (said === "answered") { process.stdout.write("answered\\n"); process.exit(); } });',
    ].join('\n');
    await writeFile(join(folder, 'leader.cjs'), script);
    const worker = 'process.send("up"); process.on("message", () => { process.send("answered"); process.exit(); });';
    await writeFile(join(folder, 'leader.cjs.worker.cjs'), worker);
    const record = join(folder, 'process.json');
    const log = join(folder, 'engine.log');
    await startRecorded(systemClock, {
      record,
      note: { port: 1, spec: 's' },
      command: process.execPath,
      arguments: [join(folder, 'leader.cjs')],
      environment: {},
      folder,
      outputFile: log,
      errorFile: log,
      onExit: () => {},
    });
    await expect.poll(() => readFile(log, 'utf8'), { timeout: 10_000 }).toContain('up');
    await endRecorded(systemClock, record, 5000);
    expect(await readFile(log, 'utf8')).toContain('answered');
  });

  test('is leaderless, not gone, if its group outlives it', async () => {
    const folder = await folderOfTest();
    const port = await freePort();
    await startEngine(folder, port, '--worker');
    await healthy(port);
    process.kill((await recordOf(folder)).pid, 'SIGKILL');
    await expect.poll(() => presenceOf(join(folder, 'process.json')), { timeout: 10_000 }).toBe('leaderless');
    await endRecorded(systemClock, join(folder, 'process.json'), 0);
    expect(await processesWith(folder)).toEqual([]);
  });

  test('is gone if another process has its pid now, and that process is not touched', async () => {
    const folder = await folderOfTest();
    const child = await stranger(folder);
    const record = join(folder, 'process.json');
    await writeFile(
      record,
      JSON.stringify({ pid: child.pid, start_time: 'another boot/1', note: { port: 1, spec: 's' } }),
    );
    expect(await presenceOf(record)).toBe('none');
    await endRecorded(systemClock, record, 0);
    expect(await isAlive(defined(child.pid))).toBe(true);
    await expect(readFile(record)).rejects.toThrow('ENOENT');
  });
});

describe('the workloads of a region', () => {
  /** Ends its replicas after the test. */
  function workloadsIn(folder: string, ...more: string[]): LocalWorkloads {
    const workloads = unattended(folder, ...more);
    onTestFinished(async () => {
      await workloads.endAll();
      await workloads.close();
    });
    return workloads;
  }

  /** Leaves its replicas running, as a server that crashed. */
  function unattended(folder: string, ...more: string[]): LocalWorkloads {
    const workloads = new LocalWorkloads({
      folder,
      log: createLog({ level: 'silent', pretty: false }),
      clock: systemClock,
      specOf: ({ generation }) => ({
        hash: `generation ${generation}`,
        command: process.execPath,
        arguments: (port) => [engineScript, '--host', '127.0.0.1', '--port', String(port), '--model', folder, ...more],
        environment: {},
        health: '/health',
        graceMs: 300,
      }),
      changed: () => {},
    });
    return workloads;
  }

  function workload(generation = 1, replicas = 1): Workload {
    const location = { kind: 'volume', volume: 'v' } as const;
    return {
      instance: 7,
      bytes: 1,
      replicas,
      location,
      servedName: 'a:7',
      runtime: 'engine',
      arguments: [],
      generation,
    };
  }

  function ready(workloads: LocalWorkloads, count: number) {
    return expect
      .poll(async () => (await workloads.observe(7)).filter(({ state }) => state === 'ready').length, {
        timeout: 20_000,
        interval: 20,
      })
      .toBe(count);
  }

  test('start a replica if its record names the process of somebody else', async () => {
    const folder = await folderOfTest();
    const child = await stranger(`${folder}-stranger`);
    const record = join(folder, '7', '0', 'process.json');
    await mkdir(dirname(record), { recursive: true });
    const note = { port: 1, spec: 'generation 1' };
    await writeFile(record, JSON.stringify({ pid: child.pid, start_time: 'another boot/1', note }));
    const workloads = workloadsIn(folder);
    await workloads.apply(workload());
    await ready(workloads, 1);
    expect(await isAlive(defined(child.pid))).toBe(true);
    expect((await recordOf(dirname(record))).pid).not.toBe(child.pid);
  });

  test('adopt the processes that an earlier server started', async () => {
    const folder = await folderOfTest();
    const earlier = unattended(folder);
    await earlier.apply(workload(1, 2));
    await ready(earlier, 2);
    const before = await enginesWith(folder);
    await earlier.close();
    const later = workloadsIn(folder);
    await later.apply(workload(1, 2));
    await ready(later, 2);
    expect(await enginesWith(folder)).toEqual(before);
  });

  test('end replicas of an earlier server with the region, even if they were never observed', async () => {
    const folder = await folderOfTest();
    const earlier = unattended(folder);
    await earlier.apply(workload());
    await ready(earlier, 1);
    await earlier.close();
    await workloadsIn(folder).endAll();
    expect(await processesWith(folder)).toEqual([]);
  });

  test('end the workers of an engine that died before they start it again', async () => {
    const folder = await folderOfTest();
    const workloads = workloadsIn(folder, '--worker');
    await workloads.apply(workload());
    await ready(workloads, 1);
    const { pid } = await recordOf(join(folder, '7', '0'));
    const worker = (await membersOfGroup(pid)).find((member) => member.pid !== pid);
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await workloads.observe(7))[0]?.restarts, { timeout: 20_000 }).toBe(1);
    expect(await isAlive(defined(worker).pid)).toBe(false);
    await ready(workloads, 1);
    expect((await processesWith(folder)).length).toBe(2);
  });

  test('replace replicas one after the other, so that one always takes calls', async () => {
    const folder = await folderOfTest();
    const workloads = workloadsIn(folder);
    await workloads.apply(workload(1, 2));
    await ready(workloads, 2);
    const before = await enginesWith(folder);
    await workloads.apply(workload(2, 2));
    let fewest = 2;
    await expect
      .poll(
        async () => {
          const seen = await workloads.observe(7);
          fewest = Math.min(fewest, seen.filter(({ url }) => url !== undefined).length);
          return seen.filter(({ state }) => state === 'ready').length;
        },
        { timeout: 20_000, interval: 5 },
      )
      .toBe(2);
    expect(fewest).toBe(1);
    expect((await enginesWith(folder)).filter((pid) => before.includes(pid))).toEqual([]);
  });
});

test('ports are handed out once, even if nothing listens on them yet', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  expect(new Set(ports).size).toBe(50);
});

test('the program in a sandbox gets the signal, not Bubblewrap, which would take it down', () => {
  const entry = (pid: number, parent: number, name: string) => ({ pid, parent, name, group: 10, startTime: 's' });
  const members = [entry(10, 1, 'bwrap'), entry(11, 10, 'bwrap'), entry(12, 11, 'vllm'), entry(13, 12, 'EngineCore')];
  expect(programOf(members, 10)).toBe(12);
  expect(programOf(members, 12)).toBe(12);
  expect(programOf([], 10)).toBe(10);
});

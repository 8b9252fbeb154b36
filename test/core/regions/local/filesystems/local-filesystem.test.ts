import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { systemErrorCode } from '../../../../../src/core/base/system-error.ts';
import { LocalFilesystem } from '../../../../../src/core/regions/local/filesystems/local-filesystem.ts';
import { createFakeClock } from '../../../../support/fake-clock.ts';
import { sourceOf } from '../../../../support/run-script.ts';
import type { FakeClock } from '../../../../support/fake-clock.ts';

const silenceMs = 10_000;

let root: string;
let clock: FakeClock;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ecolink-slow-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'file'), 'content');
  clock = createFakeClock();
});

function openFilesystem(kill?: (pid: number) => void): LocalFilesystem {
  const filesystem = new LocalFilesystem({ name: 'nfs', root, mountPath: '/models', clock, kill });
  onTestFinished(async () => {
    filesystem.close();
    (await lookers()).forEach(endIfThere);
  });
  return filesystem;
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ESRCH') throw thrown;
  }
}

/** Pids of the processes that look at this test's folder. */
async function lookers(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return command.includes('filesystem-main') && command.split('\0').includes(root) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

async function onlyLooker(): Promise<number> {
  const pids = await lookers();
  expect(pids).toHaveLength(1);
  return pids[0] ?? 0;
}

const readFileOf = (filesystem: LocalFilesystem) => filesystem.read('file', 100).then((bytes) => bytes.toString());
const content = 'content';
const silent = { code: 'filesystem_not_responding', field: 'filesystem', retryable: true };

/** As a mount that hangs: the process answers nothing. The silence is over when the time has passed. */
async function hang(filesystem: LocalFilesystem): Promise<unknown> {
  await readFileOf(filesystem);
  const pids = await lookers();
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  const refused = readFileOf(filesystem).catch((thrown: unknown) => thrown);
  await clock.advance(silenceMs);
  return refused;
}

describe('a filesystem that hangs', () => {
  test('is an error after a time, for all that wait, and its process is ended', async () => {
    const filesystem = openFilesystem();
    await readFileOf(filesystem);
    const pid = await onlyLooker();
    process.kill(pid, 'SIGSTOP');
    const waiting = [readFileOf(filesystem), filesystem.list('')];
    const refused = Promise.allSettled(waiting);
    await clock.advance(silenceMs - 1);
    expect(await lookers()).toEqual([pid]);
    await clock.advance(1);
    expect(await refused).toMatchObject(waiting.map(() => ({ status: 'rejected', reason: silent })));
    await expect.poll(lookers).toEqual([]);
  });

  test('is looked at by a new process the next time', async () => {
    const filesystem = openFilesystem();
    expect(await hang(filesystem)).toMatchObject(silent);
    expect(await readFileOf(filesystem)).toBe(content);
  });

  test('keeps no more than four processes that cannot be ended, and then answers at once', async () => {
    const filesystem = openFilesystem(() => {});
    for (let count = 0; count < 4; count++) expect(await hang(filesystem)).toMatchObject(silent);
    const pids = await lookers();
    expect(pids).toHaveLength(4);
    // The clock stands still.
    await expect(readFileOf(filesystem)).rejects.toMatchObject({
      ...silent,
      message: expect.stringContaining('4 processes wait for it and cannot be ended'),
    });
    expect(await filesystem.look()).toMatchObject({
      state: 'unknown',
      reason: { code: 'filesystem_not_responding', message: expect.stringContaining('4 processes') },
    });
    expect(await lookers()).toEqual(pids);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    // The mount answers again.
    await expect.poll(() => readFileOf(filesystem).catch(() => undefined)).toBe(content);
  });

  test('is unknown in a list before the look itself is given up', async () => {
    const filesystem = openFilesystem();
    await readFileOf(filesystem);
    process.kill(await onlyLooker(), 'SIGSTOP');
    const look = filesystem.look();
    await clock.advance(4000);
    expect(await look).toMatchObject({ name: 'nfs', state: 'unknown', reason: { code: 'filesystem_not_responding' } });
  });

  test('does not keep a server from ending', async () => {
    const filesystem = openFilesystem();
    await readFileOf(filesystem);
    process.kill(await onlyLooker(), 'SIGSTOP');
    const refused = readFileOf(filesystem).catch((thrown: unknown) => thrown);
    filesystem.close();
    expect(await refused).toMatchObject(silent);
    await expect(readFileOf(filesystem)).rejects.toMatchObject(silent);
    await expect.poll(lookers).toEqual([]);
  });
});

describe('the process that looks at a filesystem', () => {
  test('is one for all looks, sees no environment of the server, and is in a group of its own', async () => {
    const filesystem = openFilesystem();
    const answers = await Promise.all(Array.from({ length: 20 }, () => readFileOf(filesystem)));
    expect(new Set(answers)).toEqual(new Set([content]));
    const pid = await onlyLooker();
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).toBe('');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    expect(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])).toBe(pid);
  });

  test('is ended when nobody has looked for a minute, and comes back', async () => {
    const filesystem = openFilesystem();
    await readFileOf(filesystem);
    await clock.advance(60_000);
    await expect.poll(lookers).toEqual([]);
    expect(await readFileOf(filesystem)).toBe(content);
  });

  test('may die: the look fails, and the next one works', async () => {
    const filesystem = openFilesystem();
    await readFileOf(filesystem);
    const pid = await onlyLooker();
    process.kill(pid, 'SIGSTOP');
    const refused = readFileOf(filesystem).catch((thrown: unknown) => thrown);
    process.kill(pid, 'SIGKILL');
    expect(await refused).toMatchObject(silent);
    expect(await readFileOf(filesystem)).toBe(content);
  });

  test('brings errors over whole', async () => {
    const filesystem = openFilesystem();
    await expect(filesystem.list('nothing')).rejects.toMatchObject({
      code: 'subfolder_not_found',
      kind: 'not_found',
      field: 'subfolder',
    });
  });
});

test('without descriptors a look is an error, and it works again with some', async () => {
  const script = `
    import { closeSync, openSync } from 'node:fs';
    import { systemClock } from ${sourceOf('core/base/clock.ts')};
    import { LocalFilesystem } from ${sourceOf('core/regions/local/filesystems/local-filesystem.ts')};
    const [name, mountPath, root, clock] = ['nfs', '/models', ${JSON.stringify(root)}, systemClock];
    const filesystem = new LocalFilesystem({ name, root, mountPath, clock });
    const look = () => filesystem.read('file', 100).then(String, (thrown) => thrown.code);
    const opened = [];
    try {
      for (;;) opened.push(openSync('/dev/null'));
    } catch {}
    const without = await look();
    for (const fd of opened) closeSync(fd);
    console.log(without, await look());
    filesystem.close();
  `;
  const command = 'ulimit -n 64 && exec "$0" --input-type=module -e "$1"';
  const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, script]);
  expect(stdout).toBe('filesystem_not_responding content\n');
});

test('a filesystem is usable, or its folder is missing', async () => {
  const filesystem = openFilesystem();
  expect(await filesystem.look()).toEqual({ name: 'nfs', mountPath: '/models', state: 'usable' });
  await rm(root, { recursive: true });
  expect(await filesystem.look()).toMatchObject({ state: 'unusable', reason: { code: 'filesystem_missing' } });
});

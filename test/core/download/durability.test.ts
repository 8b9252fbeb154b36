import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { journalLine } from '../../../src/core/download/disk/journal.ts';
import { startHub } from '../../support/hub/hub.ts';
import { missing } from '../../support/missing.ts';
import { KiB, manifestOf, MiB, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

const hasStrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;
if (!hasStrace) missing('strace cannot be used here, so the order of journal entries and fdatasync was not tested.');

/** A system call. `began` and `returned` are line numbers of the trace. */
interface Call {
  name: string;
  arguments: string;
  began: number;
  returned: number;
}

/** Joins lines of `strace -f` that a line of another thread has split. */
function parseTrace(text: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Call>();
  for (const [index, line] of text.split('\n').entries()) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest);
    const call = resumed ? unfinished.get(pid + resumed[1]) : undefined;
    if (resumed && call) {
      call.arguments += resumed[2];
      call.returned = index;
      continue;
    }
    const started = /^(\w+)\((.*)$/.exec(rest);
    if (!started) continue;
    const [, name = '', parameters = ''] = started;
    const isUnfinished = parameters.endsWith('<unfinished ...>');
    const begun: Call = {
      name,
      arguments: parameters.replace(' <unfinished ...>', ''),
      began: index,
      returned: isUnfinished ? Infinity : index,
    };
    calls.push(begun);
    if (isUnfinished) unfinished.set(pid + name, begun);
  }
  return calls;
}

test.skipIf(!hasStrace)(
  'every range and every published file is written and synced before its journal entry',
  async () => {
    await using folder = await temporaryFolder();
    await using hub = await startHub();
    hub.faults.throttle = 6 * MiB;
    const repo = hub.addRepo('acme/traced', {
      files: { 'config.json': '{}', 'model.safetensors': { size: 6 * MiB, seed: 't' } },
    });
    const trace = join(folder.path, 'trace');
    // Calls that network file systems lack, or support only within one machine.
    const unreliable = ['flock', 'symlink', 'symlinkat', 'link', 'linkat'];
    const calls = `pwrite64,pwritev,pwritev2,write,writev,fdatasync,fsync,rename,renameat,renameat2,${unreliable.join()}`;
    const prefix = ['strace', '-f', '-y', '-s', '100000', '-e', `trace=${calls}`, '-o', trace];
    const env = tuningEnv({ rangeBytes: 512 * KiB, stallMs: 10_000 });
    using running = await startPull(folder.path, manifestOf(hub, repo), { prefix, env });
    expect(await running.ended).toMatchObject({ status: 0 });
    const seen = parseTrace(await readFile(trace, 'utf8'));

    expect(seen.filter(({ name }) => unreliable.includes(name))).toEqual([]);
    const entries = seen.filter(({ name, arguments: text }) => name === 'write' && text.includes('/journals/'));
    const lines = entries.flatMap((entry) => {
      const written = z.string().parse(JSON.parse(/, ("(?:[^"\\]|\\.)*")/.exec(entry.arguments)?.[1] ?? '""'));
      return written
        .trim()
        .split('\n')
        .map((line) => ({ entry, line: journalLine.parse(JSON.parse(line)) }));
    });
    const ranges = lines.filter(({ line }) => line.type === 'ranges');
    const published = lines.filter(({ line }) => line.type === 'published');
    expect(ranges.length).toBeGreaterThan(2);
    expect(published.length).toBe(2);

    for (const { entry, line } of [...ranges, ...published]) {
      const key = line.type === 'snapshot' ? '' : line.file;
      const onPart = seen.filter((call) => call.arguments.includes(`${key}@`));
      const syncs = onPart.filter((call) => call.name === 'fdatasync' && call.returned < entry.began);
      const lastSync = Math.max(...syncs.map((call) => call.began));
      const writes = onPart
        .filter((call) => /^p?write/.test(call.name))
        .map((call) => ({ returned: call.returned, range: rangeOf(call) }));
      const wanted = line.type === 'ranges' ? line.ranges : [[0, Infinity] as const];
      for (const [start, end] of wanted) {
        const concerned = writes.filter(({ range }) => range.start < end && range.end > start);
        expect(concerned.length).toBeGreaterThan(0);
        for (const write of concerned) expect(write.returned).toBeLessThan(lastSync);
      }
      if (line.type !== 'published') continue;
      const rename = onPart.find((call) => call.name.startsWith('rename'));
      expect(rename?.began).toBeGreaterThan(lastSync);
      expect(rename?.returned).toBeLessThan(entry.began);
    }

    const completion = seen.find((call) => call.name.startsWith('rename') && call.arguments.includes('complete.json'));
    const lastEntry = Math.max(...entries.map((entry) => entry.returned));
    expect(completion?.began).toBeGreaterThan(lastEntry);
  },
);

/**
 * `pwrite64(fd, "…", count, offset) = length`, or `write(fd, "…", count) = length` for a file that is written at once.
 */
function rangeOf(call: Call): { start: number; end: number } {
  const [, offset, length] = /, (\d+)\)\s+= (\d+)$/.exec(call.arguments) ?? [];
  const start = call.name.startsWith('p') ? offset : 0;
  return { start: Number(start), end: Number(start) + Number(length) };
}

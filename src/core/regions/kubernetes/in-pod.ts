import { access, constants, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { invalidate, readCompletion } from '../../download/disk/completion.ts';
import { describeMismatch, verifyTree } from '../../download/disk/verify.ts';
import { EcolinkError } from '../../errors.ts';
import { listInside, readHeadInside, readInside } from '../local/folders.ts';
import type { FolderEntry } from '../region.ts';
import { headBytes } from './folder-report.ts';
import type { FolderReport } from './folder-report.ts';

/** What a report may hold of file contents: a pod's log is where it travels. */
const contentsLimit = 6 * 1024 ** 2;
const fileLimit = 1024 ** 2;

const commands: Record<string, (options: Options) => Promise<object>> = {
  'check-volume': checkVolume,
  'verify-volume': verifyVolume,
  'list-folder': listFolder,
  'read-file': readOne,
  'probe-region': probeRegion,
};

interface Options {
  target: string;
  path: string;
}

/** The commands that EcoLink runs inside pods of its own image: one line of JSON on standard output. */
export async function inPodCommand(name: string, argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { target: { type: 'string' }, path: { type: 'string' } } });
  try {
    const run = commands[name] as (options: Options) => Promise<object>;
    await print(await run({ target: values.target ?? '/volume', path: values.path ?? '' }));
    return 0;
  } catch (thrown) {
    const body =
      thrown instanceof EcolinkError
        ? { kind: thrown.kind, ...thrown.toBody() }
        : {
            kind: 'unavailable',
            code: 'folder_unreadable',
            message: (thrown as Error).message,
            next_step: 'Check the volume.',
          };
    await print({ error: body });
    return 1;
  }
}

/** A pipe takes it in its own time, and what is not written when the process ends is lost. */
function print(value: object): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(value)}\n`, () => resolve());
  });
}

async function checkVolume({ target }: Options): Promise<object> {
  const completion = await readCompletion(target);
  if (!completion) throw new Error(`${target} holds no complete download.`);
  return { repo: completion.repo, commit: completion.commit, bytes: completion.bytes };
}

async function verifyVolume({ target }: Options): Promise<object> {
  const { mismatches } = await verifyTree(target);
  // A clone cannot be written to: it is made anew.
  if (mismatches.length > 0 && !(await isReadOnly(target))) await invalidate(target);
  return { mismatches: mismatches.map(describeMismatch) };
}

async function isReadOnly(target: string): Promise<boolean> {
  return access(target, constants.W_OK).then(
    () => false,
    (thrown: NodeJS.ErrnoException) => thrown.code === 'EROFS',
  );
}

/** The listing, and with it the small files that decide how weights are read: a pod for each would take seconds. */
async function listFolder({ target, path }: Options): Promise<FolderReport> {
  const entries = await listInside(target, path);
  const contents: Record<string, string> = {};
  let room = contentsLimit;
  for (const entry of entries) {
    if (!entry.path.endsWith('.json') || entry.size > Math.min(room, fileLimit)) continue;
    contents[entry.path] = (await readInside(target, `${path}/${entry.path}`, fileLimit)).toString('base64');
    room -= entry.size;
  }
  return { entries, contents, heads: await headsOf(target, path, entries) };
}

const weights = /\.(?:safetensors|gguf|bin|pth|pt|ckpt|pkl|nemo|onnx)$/i;
const mostHeads = 1000;

/** Enough to tell weights from what only has their name, and pointers of git-LFS from what they stand for. */
async function headsOf(target: string, path: string, entries: readonly FolderEntry[]): Promise<Record<string, string>> {
  const heads: Record<string, string> = {};
  const worth = entries.filter((entry) => weights.test(entry.path) || entry.size <= headBytes).slice(0, mostHeads);
  for (const entry of worth) {
    const head = await readHeadInside(target, `${path}/${entry.path}`, headBytes);
    if (head !== undefined) heads[entry.path] = head.toString('base64');
  }
  return heads;
}

/** Whether the volume takes a file, and how the Hub (its address in `path`) answers from here. */
async function probeRegion({ target, path }: Options): Promise<object> {
  const file = join(target, '.ecolink-probe');
  await writeFile(file, 'probe');
  await rm(file);
  const hub = await fetch(`${path}/api/models?limit=1`, {
    redirect: 'manual',
    dispatcher: new EnvHttpProxyAgent(),
    signal: AbortSignal.timeout(10_000),
  }).then(
    (answer) => answer.status,
    (error: Error) => (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.name,
  );
  return { hub };
}

async function readOne({ target, path }: Options): Promise<object> {
  return { content: (await readInside(target, path, contentsLimit)).toString('base64') };
}

import { access, constants, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { z } from 'zod';
import { EcolinkError, fail } from '../../../base/errors.ts';
import { invalidate, readCompletion } from '../../../download/disk/completion.ts';
import { describeMismatch, verifyTree } from '../../../download/disk/verify.ts';
import { headBytes } from '../../../region/filesystems.ts';
import type { FolderEntry } from '../../../region/region.ts';
import { ggufHeadBytes, usefulHeadBytes } from '../../../registry/sizing/gguf-header.ts';
import { listInside, markInside, readHeadInside, readInside } from '../../local/filesystems/folders.ts';
import { pathBelow } from '../../../registry/folder.ts';
import { countsAsModelFile } from '../../../registry/selection/file-kind.ts';
import { systemError } from '../api/system-error.ts';
import type { fileAnswer, FolderReport, probeAnswer, verifyAnswer } from './task-answers.ts';

/** The most that a report holds of file contents, in bytes: it travels in a pod's log. */
const contentsLimit = 6 * 1024 ** 2;
const fileLimit = 1024 ** 2;
const hubTimeoutMs = 10_000;

interface CommandOptions {
  target: string;
  path: string;
}

const commands: Record<string, (options: CommandOptions) => Promise<object>> = {
  'check-volume': checkVolume,
  'verify-volume': verifyVolume,
  'check-folder': checkFolder,
  'list-folder': listFolder,
  'read-file': readOneFile,
  'probe-region': probeRegion,
};

/** Runs one of the commands for pods of EcoLink's own image. Prints one line of JSON. Returns the exit status. */
export async function runPodCommand(name: string, argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { target: { type: 'string' }, path: { type: 'string' } } });
  try {
    const command = commands[name];
    if (!command) throw new Error(`There is no command ${name}.`);
    await print(await command({ target: values.target ?? '/volume', path: values.path ?? '' }));
    return 0;
  } catch (thrown) {
    const error = asError(thrown);
    await print({ error: { kind: error.kind, ...error.toWire() } });
    return 1;
  }
}

function asError(thrown: unknown): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  return fail('folder_unreadable', systemError(thrown).message, { nextStep: 'Check the volume.', cause: thrown });
}

/** Waits until the pipe has taken everything: what is not written when the process ends is lost. */
function print(value: object): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(value)}\n`, () => resolve());
  });
}

async function checkVolume({ target }: CommandOptions): Promise<object> {
  const completion = await readCompletion(target);
  if (completion) return { repo: completion.repo, commit: completion.commit, bytes: completion.bytes };
  throw fail('volume_incomplete', `${target} holds no complete download.`, { nextStep: 'Download the model again.' });
}

/**
 * Checks the folder of a filesystem that an engine gets to see and nothing else: its path has no link, and no link inside
 * leads out of it.
 */
async function checkFolder({ target, path }: CommandOptions): Promise<object> {
  // Refuses a folder that is missing, or not in the filesystem.
  listInside(target, path);
  const folder = join(await realpath(target), path);
  if ((await realpath(folder)) !== folder) throw linked(`The path "${path}" contains a symbolic link.`);
  try {
    listInside(folder, '');
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'link_leads_out') throw thrown;
    throw linked(`A symbolic link in "${path}" leads out of that folder, and an engine sees only that folder.`);
  }
  return { folder: path };
}

function linked(message: string): EcolinkError {
  return fail('link_leads_out', message, { nextStep: 'Put the files themselves into the folder of the model.' });
}

async function verifyVolume({ target }: CommandOptions): Promise<z.infer<typeof verifyAnswer>> {
  const { mismatches } = await verifyTree(target);
  // A clone is read-only. The server deletes it, and makes another.
  if (mismatches.length > 0 && !(await isReadOnly(target))) await invalidate(target);
  return { mismatches: mismatches.map(describeMismatch) };
}

async function isReadOnly(target: string): Promise<boolean> {
  return access(target, constants.W_OK).then(
    () => false,
    (thrown: unknown) => systemError(thrown).code === 'EROFS',
  );
}

/** Includes the small JSON files and the chat template, which decide how weights are read: a pod for each file would take seconds. */
async function listFolder({ target, path }: CommandOptions): Promise<FolderReport> {
  const entries = listInside(target, path);
  const contents: Record<string, string> = {};
  let room = contentsLimit;
  for (const entry of entries) {
    if (entry.special || !/\.(?:json|jinja)$/.test(entry.path) || entry.size > Math.min(room, fileLimit)) continue;
    contents[entry.path] = readInside(target, pathBelow(path, entry.path), fileLimit).toString('base64');
    room -= entry.size;
  }
  return { entries, contents, heads: headsOf(target, path, entries), marks: marksOf(target, path, entries) };
}

const weights = /\.(?:safetensors|gguf|bin|pth|pt|ckpt|pkl|nemo|onnx)$/i;
const maximumHeads = 1000;
const maximumMarks = 5000;

/** The most that a report holds of GGUF headers, in bytes together. */
const headersLimit = 1024 ** 2;

/** Shows files that have a name of weights and other content, pointers of git-LFS, and what GGUF models are. */
function headsOf(target: string, path: string, entries: readonly FolderEntry[]): Record<string, string> {
  const heads: Record<string, string> = {};
  const worth = entries
    .filter((entry) => !entry.special && (weights.test(entry.path) || entry.size <= headBytes))
    .slice(0, maximumHeads);
  let room = headersLimit;
  for (const entry of worth) {
    const bytes = hasModelHeader(entry.path) ? ggufHeadBytes : headBytes;
    const head = readHeadInside(target, pathBelow(path, entry.path), bytes);
    const useful = usefulHeadBytes(head);
    // A part of a header would say something else than the whole.
    const kept = Math.max(headBytes, useful <= room ? useful : 0);
    if (kept > headBytes) room -= kept;
    heads[entry.path] = head.subarray(0, kept).toString('base64');
  }
  return heads;
}

/** Of a model in several files, only the first says what the model is. */
function hasModelHeader(path: string): boolean {
  return /\.gguf$/i.test(path) && !/-(?!0*1-of-)\d+-of-\d+\.gguf$/i.test(path);
}

/** The pod does not know which files a launch reads, so it marks all that may belong to a model. */
function marksOf(target: string, path: string, entries: readonly FolderEntry[]): Record<string, string> {
  const useful = entries.filter((entry) => !entry.special && countsAsModelFile(entry.path, false));
  if (useful.length > maximumMarks) return {};
  const marked = markInside(
    target,
    path,
    useful.map((entry) => entry.path),
  );
  return Object.fromEntries(marked.map((file) => [file.path, file.mark ?? '']));
}

async function readOneFile({ target, path }: CommandOptions): Promise<z.infer<typeof fileAnswer>> {
  return { content: readInside(target, path, contentsLimit).toString('base64') };
}

/** Writes a file to the volume, and calls the Hub at the address in `path`. */
async function probeRegion({ target, path }: CommandOptions): Promise<z.infer<typeof probeAnswer>> {
  const file = join(target, '.ecolink-probe');
  await writeFile(file, 'probe');
  await rm(file);
  const hub = await fetch(`${path}/api/models?limit=1`, {
    redirect: 'manual',
    dispatcher: new EnvHttpProxyAgent(),
    signal: AbortSignal.timeout(hubTimeoutMs),
  }).then(
    (answer) => answer.status,
    (error: Error) => systemError(error.cause).code ?? error.name,
  );
  return { hub };
}

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { PullFailure } from '../failure.ts';
import { pullManifest, stateFolder, type PullManifest } from '../manifest.ts';
import { type PullFile } from '../../base/pull-file.ts';

const repoName = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;

/** A manifest that is safe to act on, or the failure `bad_manifest`: its names decide which files are written. */
export function parseManifest(text: string): PullManifest {
  const parsed = pullManifest.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(`${issue?.path.join('.') || 'manifest'}: ${issue?.message ?? 'not a pull manifest'}`);
  }
  const manifest = parsed.data;
  const url = URL.parse(manifest.endpoint);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw bad('its endpoint is not a plain http or https address');
  }
  if (!repoName.test(manifest.repo) || manifest.repo.includes('..')) throw bad('its repo is not a name of a repo');
  checkPaths(manifest.files);
  return manifest;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw bad('it is not JSON');
  }
}

function checkPaths(files: readonly PullFile[]): void {
  const paths = new Set(files.map((file) => file.path));
  if (paths.size < files.length) throw bad('it names a file twice');
  for (const path of paths) {
    if (!isInside(path)) throw bad(`${JSON.stringify(path)} is not a path inside a repo`);
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      if (paths.has(path.slice(0, slash))) throw bad(`${JSON.stringify(path)} lies below a file`);
    }
  }
}

function isInside(path: string): boolean {
  const segments = path.split('/');
  const plain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return plain && !path.includes('\0') && !path.includes('\\') && segments[0] !== stateFolder;
}

function bad(what: string): PullFailure {
  return new PullFailure('bad_manifest', `The pull manifest cannot be used: ${what}.`);
}

/** Names a file by what must be in it: state kept under this key never passes to another content of the same path. */
export function fileKey(file: PullFile): string {
  const identity = [file.path, String(file.size), file.sha256 ?? '', file.blob_id ?? ''].join('\0');
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/** Where a pull keeps what is not the model's own. Parts and journal carry the name of the holder that writes them. */
export function statePaths(target: string) {
  const state = join(target, stateFolder);
  return { state, attempts: join(state, 'attempts'), parts: join(state, 'parts'), journals: join(state, 'journals') };
}

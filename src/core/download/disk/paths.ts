import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseJson } from '../../base/parse-json.ts';
import { PullFailure } from '../failure.ts';
import { pullManifest, stateFolder, type PullManifest } from '../manifest.ts';
import { type PullFile } from '../../base/pull-file.ts';

const repoName = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;

/** Parses a manifest. Throws `bad_manifest` if it is not safe: its paths decide which files are written. */
export function parseManifest(text: string): PullManifest {
  const json = parseJson(text);
  if (json === undefined) throw bad('it is not JSON');
  const parsed = pullManifest.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(`${issue?.path.join('.') || 'manifest'}: ${issue?.message ?? 'not a pull manifest'}`);
  }
  const manifest = parsed.data;
  const url = URL.parse(manifest.endpoint);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw bad('its endpoint is not a plain http or https URL');
  }
  if (!repoName.test(manifest.repo) || manifest.repo.includes('..')) throw bad('its repo is not the name of a repo');
  checkPaths(manifest.files);
  return manifest;
}

function checkPaths(files: readonly PullFile[]): void {
  const paths = new Set(files.map((file) => file.path));
  if (paths.size < files.length) throw bad('it names a file twice');
  for (const path of paths) {
    if (!isInside(path)) throw bad(`${JSON.stringify(path)} is not a valid path in a repo`);
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      if (paths.has(path.slice(0, slash))) throw bad(`${JSON.stringify(path)} is below a file`);
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

/**
 * A key from the path and the content of a file. So the state of a file is never used for other content at the same
 * path.
 */
export function fileKey(file: PullFile): string {
  const identity = [file.path, String(file.size), file.sha256 ?? '', file.blob_id ?? ''].join('\0');
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/**
 * The folders for the state of a pull. Names of parts and journals contain the holder that writes them. `cloned` is the
 * tree of another volume that this one is a clone of.
 */
export function statePaths(target: string) {
  const state = join(target, stateFolder);
  const at = (name: string): string => join(state, name);
  return { state, attempts: at('attempts'), parts: at('parts'), journals: at('journals'), cloned: at('cloned') };
}

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** The bytes of one file in pieces, so that a large file needs little memory. */
export interface HubContent {
  readonly size: number;
  /** The bytes of [start, end). */
  chunks(start: number, end: number): Iterable<Buffer>;
}

export interface HubFile {
  path: string;
  content: HubContent;
  /** Blob id as on the Hub: of the file itself, or of its pointer file if it is in LFS. */
  blobId: string;
  lfs?: { sha256: string; pointerSize: number };
}

/** A commit of a repo. The files are sorted by path. */
export interface HubCommit {
  sha: string;
  date: string;
  files: readonly HubFile[];
}

const pieceBytes = 256 * 1024;

export function bufferContent(bytes: Buffer): HubContent {
  return {
    size: bytes.length,
    *chunks(start, end) {
      for (let at = start; at < end; at += pieceBytes) yield bytes.subarray(at, Math.min(at + pieceBytes, end));
    },
  };
}

/** A file on disk, read in pieces on demand. */
export function diskContent(path: string): HubContent {
  return {
    size: statSync(path).size,
    *chunks(start, end) {
      const fd = openSync(path, 'r');
      try {
        for (let at = start; at < end;) {
          const piece = Buffer.allocUnsafe(Math.min(pieceBytes, end - at));
          const read = readSync(fd, piece, 0, piece.length, at);
          if (read === 0) return;
          yield piece.subarray(0, read);
          at += read;
        }
      } finally {
        closeSync(fd);
      }
    },
  };
}

export function makeCommit(
  repo: string,
  parent: string,
  contents: ReadonlyMap<string, HubContent>,
  isLfs: (path: string, size: number) => boolean,
): HubCommit {
  const files = [...contents]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, content]) => describeFile(path, content, isLfs));
  const identity = createHash('sha1').update(`${repo}\0${parent}`);
  for (const file of files) identity.update(`\0${file.path}\0${file.blobId}`);
  return { sha: identity.digest('hex'), date: new Date().toISOString(), files };
}

/** The rule of uploads to the Hub: weights and large files go to LFS. */
export function usuallyLfs(path: string, size: number): boolean {
  return size > 10 * 1024 * 1024 || /\.(safetensors|gguf|bin|pt|pth|onnx|msgpack|h5|ot)$/.test(path);
}

function describeFile(path: string, content: HubContent, isLfs: (path: string, size: number) => boolean): HubFile {
  if (!isLfs(path, content.size)) return { path, content, blobId: digest('sha1', content, `blob ${content.size}\0`) };
  const sha256 = digest('sha256', content);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${content.size}\n`;
  const blobId = createHash('sha1').update(`blob ${pointer.length}\0${pointer}`).digest('hex');
  return { path, content, blobId, lfs: { sha256, pointerSize: pointer.length } };
}

function digest(algorithm: 'sha1' | 'sha256', content: HubContent, prefix = ''): string {
  const hash = createHash(algorithm).update(prefix);
  for (const piece of content.chunks(0, content.size)) hash.update(piece);
  return hash.digest('hex');
}

export interface TreeEntry {
  type: 'file' | 'directory';
  oid: string;
  size: number;
  path: string;
  lfs?: { oid: string; size: number; pointerSize: number };
}

/** The list of `/api/models/<id>/tree/<revision>/<folder>`, before it is split into pages. */
export function treeEntries(commit: HubCommit, folder: string, recursive: boolean): TreeEntry[] {
  const prefix = folder === '' ? '' : `${folder}/`;
  const directories = new Map<string, TreeEntry>();
  const entries: TreeEntry[] = [];
  for (const file of commit.files) {
    if (!file.path.startsWith(prefix)) continue;
    const below = file.path.slice(prefix.length).split('/');
    const deepest = recursive ? below.length : Math.min(below.length, 2);
    for (let depth = 1; depth < deepest; depth += 1) {
      const path = prefix + below.slice(0, depth).join('/');
      if (directories.has(path)) continue;
      const oid = createHash('sha1').update(`tree ${path}`).digest('hex');
      directories.set(path, { type: 'directory', oid, size: 0, path });
    }
    if (recursive || below.length === 1) entries.push(fileEntry(file));
  }
  return [...directories.values(), ...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function fileEntry(file: HubFile): TreeEntry {
  const size = file.content.size;
  if (!file.lfs) return { type: 'file', oid: file.blobId, size, path: file.path };
  const lfs = { oid: file.lfs.sha256, size, pointerSize: file.lfs.pointerSize };
  return { type: 'file', oid: file.blobId, size, path: file.path, lfs };
}

/** Facts that the owner of a repo sets. All others follow from its files. */
export interface HubModelFacts {
  pipeline_tag?: string;
  tags?: readonly string[];
  library_name?: string;
  cardData?: Record<string, unknown>;
  safetensors?: { parameters: Record<string, number>; total: number };
  gguf?: Record<string, unknown>;
  config?: Record<string, unknown>;
  private?: boolean;
  disabled?: boolean;
  gated?: false | 'auto' | 'manual';
}

const shownByDefault = [
  'private',
  'gated',
  'disabled',
  'sha',
  'lastModified',
  'createdAt',
  'tags',
  'pipeline_tag',
  'library_name',
  'cardData',
  'config',
  'safetensors',
  'gguf',
  'siblings',
  'downloads',
  'likes',
  'modelId',
  'author',
];

/** The answer of `/api/models/<id>`. With `expand` it has only the requested fields. */
export function modelInfo(id: string, commit: HubCommit, facts: HubModelFacts, query: URLSearchParams): object {
  const withBlobs = query.get('blobs') === 'true';
  const everything: Record<string, unknown> = {
    private: false,
    gated: false,
    disabled: false,
    tags: [],
    cardData: {},
    downloads: 0,
    likes: 0,
    ...facts,
    modelId: id,
    author: id.split('/')[0],
    sha: commit.sha,
    lastModified: commit.date,
    createdAt: commit.date,
    siblings: commit.files.map((file) => sibling(file, withBlobs)),
  };
  const asked = [...query.getAll('expand'), ...query.getAll('expand[]')];
  const fields = asked.length > 0 ? asked : shownByDefault;
  const shown = fields.filter((name) => everything[name] !== undefined).map((name) => [name, everything[name]]);
  return { _id: createHash('sha1').update(id).digest('hex').slice(0, 24), id, ...Object.fromEntries(shown) };
}

function sibling(file: HubFile, withBlobs: boolean): object {
  if (!withBlobs) return { rfilename: file.path };
  const entry = fileEntry(file);
  const lfs = entry.lfs && { sha256: entry.lfs.oid, size: entry.lfs.size, pointerSize: entry.lfs.pointerSize };
  return { rfilename: file.path, size: entry.size, blobId: entry.oid, lfs };
}

/** A `Range` header with one range: end is exclusive. Undefined without a range, null if it is outside the file. */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | undefined | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!match) return undefined;
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(Number(match[2]) + 1, size);
  return start < end ? { start, end } : null;
}

import type { PullFile } from '../base/pull-file.ts';
import { fail } from '../base/errors.ts';
import { headBytes } from '../region/filesystems.ts';
import { listed } from './selection/refusals.ts';
import { weightFormat } from './selection/weight-file.ts';
import { isWeights } from './selection.ts';

/** Larger than any pointer of git-LFS. */
const largestPointer = 1024;
const mostHeads = 1000;
const atOnce = 8;

/** The first bytes of a file. Undefined if reading them would be slow. */
export type ReadHead = (path: string, bytes: number) => Promise<Buffer | undefined>;

/** Whether a file may be a pointer of git-LFS in place of its content. */
export function mayBePointer({ size }: { size: number }): boolean {
  return size > 0 && size <= largestPointer;
}

/**
 * Checks the first bytes of weights, and of small files that may be pointers of git-LFS. Throws `lfs_pointers` or
 * `wrong_content`.
 */
export async function checkHeads(files: readonly PullFile[], readHead: ReadHead): Promise<void> {
  const worth = files.filter((file) => isWeights(file.path) || mayBePointer(file)).slice(0, mostHeads);
  const pointers: string[] = [];
  for (let at = 0; at < worth.length; at += atOnce) {
    await Promise.all(
      worth.slice(at, at + atOnce).map(async (file) => {
        const head = await readHead(file.path, headBytes);
        if (head === undefined) return;
        if (isPointer(head)) pointers.push(file.path);
        else if (isWeights(file.path)) refuseOther(file, head);
      }),
    );
  }
  if (pointers.length > 0) throw lfsPointers(pointers.toSorted());
}

export function isPointer(head: Buffer): boolean {
  return head.subarray(0, 40).toString('latin1').startsWith('version https://git-lfs');
}

export function lfsPointers(paths: readonly string[]): Error {
  return fail('lfs_pointers', `The files are git-LFS pointers, not weights: ${listed(paths)}.`, {
    nextStep: 'Fetch the content with "git lfs pull" in that clone, or upload the files themselves.',
  });
}

function refuseOther({ path, size }: PullFile, head: Buffer): void {
  const found = contentOf(head, size);
  const expected = expectedContents(path);
  if (expected === undefined || (found !== undefined && expected.includes(found))) return;
  if (found === undefined && isLenient(path)) return;
  throw fail(
    'wrong_content',
    `${path} does not hold what its name says: it ${found === undefined ? 'begins like nothing known' : `is ${found}`}.`,
    { nextStep: 'Copy or upload the file again.' },
  );
}

type Content =
  | 'a safetensors file'
  | 'a GGUF file'
  | 'a zip archive'
  | 'a pickle'
  | 'a tar archive'
  | 'a gzip archive'
  | 'a web page'
  | 'a JSON file'
  | 'a GGML file'
  | 'a PDF';

function expectedContents(path: string): Content[] | undefined {
  const format = weightFormat(path);
  if (format === 'safetensors') return ['a safetensors file'];
  if (format === 'gguf') return ['a GGUF file'];
  if (format === 'pytorch') return ['a zip archive', 'a pickle', 'a tar archive', 'a gzip archive'];
  return format === 'onnx' ? [] : undefined;
}

/** Other programs use these extensions for formats without a magic number: CTranslate2's `model.bin`, ONNX. */
function isLenient(path: string): boolean {
  return (
    /\.(?:bin|pkl|pickle|joblib|onnx|onnx_data(?:_\d+)?|onnx\.data)$/i.test(path) && !/pytorch_model[^/]*$/i.test(path)
  );
}

const largestHeader = 100e6;

function contentOf(head: Buffer, size: number): Content | undefined {
  const text = head.toString('latin1');
  if (text.startsWith('GGUF')) return 'a GGUF file';
  if (text.startsWith('PK\u0003\u0004')) return 'a zip archive';
  if (head[0] === 0x80 && isPickleProtocol(head[1])) return 'a pickle';
  if (text.slice(257, 262) === 'ustar') return 'a tar archive';
  if (text.startsWith('\u001f\u008b')) return 'a gzip archive';
  if (/^\s*<(?:!doctype|html|\?xml|head)/i.test(text)) return 'a web page';
  if (text.startsWith('%PDF')) return 'a PDF';
  if (/^(?:lmgg|tjgg|fmgg|algg)/.test(text)) return 'a GGML file';
  if (isSafetensors(head, size)) return 'a safetensors file';
  return /^\s*\{\s*"/.test(text) ? 'a JSON file' : undefined;
}

function isPickleProtocol(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 2 && byte <= 5;
}

/** 8 bytes of length, little endian, then a JSON object of that length. */
function isSafetensors(head: Buffer, size: number): boolean {
  if (head.length < 9) return false;
  const length = head.readBigUInt64LE(0);
  return length >= 2n && length <= BigInt(largestHeader) && length + 8n <= BigInt(size) && head[8] === 0x7b;
}

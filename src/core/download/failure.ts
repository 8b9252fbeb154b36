import type { PullFailureCode } from './manifest.ts';

/** The end of a pull: nothing that this run can do would heal it. */
export class PullFailure extends Error {
  override readonly name = 'PullFailure';
  readonly code: PullFailureCode;
  /** Bytes that the volume is short of, for `no_space`. */
  readonly missingBytes: number | undefined;

  constructor(code: PullFailureCode, message: string, options: { cause?: unknown; missingBytes?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.missingBytes = options.missingBytes;
  }
}

/** Something that another try may heal. `code` is what it becomes once the tries are used up. */
export class Setback extends Error {
  override readonly name = 'Setback';
  readonly code: PullFailureCode;
  /** The signed link is no longer good: ask the Hub for another before the next try. */
  readonly expired: boolean;

  constructor(code: PullFailureCode, message: string, options: { cause?: unknown; expired?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.expired = options.expired ?? false;
  }
}

/** The server sent the whole file where a part was asked for: the file must come in one stream, from its first byte. */
export class RangesIgnored extends Error {
  override readonly name = 'RangesIgnored';
}

/** An error of the file system, as the end that it means. */
export function fromFileSystem(error: unknown, path: string): PullFailure {
  if (error instanceof PullFailure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new PullFailure('no_space', `No space is left for ${path}.`, { cause: error });
  if (['EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code ?? '')) {
    return new PullFailure('not_writable', `${path} cannot be written (${code}).`, { cause: error });
  }
  return new PullFailure('unexpected', `${path}: ${message}`, { cause: error });
}

/** What a broken connection means; its text names the host and never the address, which may be signed. */
export function asSetback(error: Error, host: string): Setback {
  if (error instanceof Setback) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new Setback('hub_unreachable', `The connection to ${host} failed (${code ?? error.message}).`, {
    cause: error,
  });
}

/** An address that may be shown: what follows the `?` of a signed URL is as good as a password. */
export function shownUrl(url: URL): string {
  return url.origin + url.pathname;
}

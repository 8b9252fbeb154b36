import { certificateErrorCode, trustAuthority } from '../base/certificate-error.ts';
import { systemErrorCode } from '../base/system-error.ts';
import type { PullFailureCode } from './manifest.ts';

/** Ends the pull: this run cannot recover from it. */
export class PullFailure extends Error {
  override readonly name = 'PullFailure';
  readonly code: PullFailureCode;
  /** For `no_space`: bytes that the volume lacks. */
  readonly missingBytes: number | undefined;

  constructor(code: PullFailureCode, message: string, options: { cause?: unknown; missingBytes?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.missingBytes = options.missingBytes;
  }
}

/** An error that another try may fix. After the last try the pull fails with its `code`. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly code: PullFailureCode;
  /** The signed link is no longer valid. The next try needs a new one from the Hub. */
  readonly expired: boolean;

  constructor(code: PullFailureCode, message: string, options: { cause?: unknown; expired?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.expired = options.expired ?? false;
  }
}

/** The server sent the whole file instead of a part. The file must be downloaded in one stream, from its first byte. */
export class RangesIgnored extends Error {
  override readonly name = 'RangesIgnored';
}

/** The failure that an error of the file system means. `path` is for the message. */
export function fromFileSystem(error: unknown, path: string): PullFailure {
  if (error instanceof PullFailure) return error;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new PullFailure('no_space', `The volume has no space left for ${path}.`, { cause: error });
  if (['EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code ?? '')) {
    return new PullFailure('not_writable', `${path} cannot be written (${code}).`, { cause: error });
  }
  return new PullFailure('unexpected', `${path}: ${asError(error).message}`, { cause: error });
}

/**
 * A failed connection. The text names only the host, because the URL may be signed. Another try does not help if the
 * server's certificate is not accepted.
 */
export function connectionFailure(error: Error, host: string): TransientError | PullFailure {
  if (error instanceof TransientError || error instanceof PullFailure) return error;
  const certificate = certificateErrorCode(error);
  if (certificate !== undefined) {
    const message = `The certificate of ${host} is not accepted (${certificate}). ${trustAuthority}`;
    return new PullFailure('certificate_not_trusted', message, { cause: error });
  }
  const code = systemErrorCode(error);
  return new TransientError('hub_unreachable', `The connection to ${host} failed (${code ?? error.message}).`, {
    cause: error,
  });
}

/** Anything that was thrown, or that a signal was aborted with, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The URL without its query, because the query of a signed URL is a secret. */
export function redactedUrl(url: URL): string {
  return url.origin + url.pathname;
}

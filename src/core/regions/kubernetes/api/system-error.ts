import { isRecord } from './is-record.ts';

/** A thrown value's message, and the fields of a system error if it has them. */
export interface SystemError {
  message: string;
  name?: string;
  code?: string;
  path?: string;
  syscall?: string;
}

export function systemError(thrown: unknown): SystemError {
  if (!isRecord(thrown)) return { message: String(thrown) };
  const text = (field: string): string | undefined => {
    const value = thrown[field];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    message: text('message') ?? 'unknown error',
    name: text('name'),
    code: text('code'),
    path: text('path'),
    syscall: text('syscall'),
  };
}

import { systemErrorCode } from './system-error.ts';

/** What the machine lacks, and what an operator does about it. */
export interface SystemFailure {
  code: 'no_space' | 'too_many_open_files';
  message: string;
  nextStep: string;
}

const full: SystemFailure = {
  code: 'no_space',
  message: 'A disk of the server is full.',
  nextStep: 'Free space on the disk of the data folder and of the database. EcoLink goes on by itself then.',
};

const descriptors: SystemFailure = {
  code: 'too_many_open_files',
  message: 'The server has as many open files as the system allows.',
  nextStep: 'Try again. If it happens again, raise the limit of the server (ulimit -n, or LimitNOFILE of systemd).',
};

/** 53100 is PostgreSQL's `disk_full`. */
const failures: ReadonlyMap<string, SystemFailure> = new Map([
  ['ENOSPC', full],
  ['EDQUOT', full],
  ['SQLITE_FULL', full],
  ['53100', full],
  ['EMFILE', descriptors],
  ['ENFILE', descriptors],
]);

/** Undefined if neither the error nor its causes say that the machine lacks something. */
export function systemFailureOf(thrown: unknown): SystemFailure | undefined {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    const found = failures.get(systemErrorCode(error) ?? '');
    if (found) return found;
  }
  return undefined;
}

/** For `catch`, after a write that is not needed: a full disk does not fail what is done besides. */
export function ignoreFullDisk(thrown: unknown): void {
  if (systemFailureOf(thrown)?.code !== 'no_space') throw thrown;
}

import { fit } from './table.ts';

/** Where a command writes. Standard output holds the answer and nothing else; what happens meanwhile goes to standard error. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Replaces the current line of standard error. Only where `live`. */
  rewrite(text: string): void;
  /** Columns of standard output, on a terminal only: elsewhere nothing may be cut off. */
  width: number | undefined;
  live: boolean;
}

export function processTerminal(): Terminal {
  // `ecolink list-models | head -1`: the reader has what it wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    rewrite: (text) => void process.stderr.write(`\r\u001B[K${fit(text, process.stderr.columns || undefined)}`),
    width: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
    live: process.stderr.isTTY,
  };
}

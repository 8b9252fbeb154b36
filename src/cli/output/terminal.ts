import stringWidth from 'string-width';
import { showsColours } from './colour.ts';
import { fit } from './table.ts';

/** Where a command writes. Standard output has the answer and nothing else. Progress goes to standard error. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Replaces the current line of standard error. Only if `live`. */
  rewrite(text: string): void;
  /** Shows a new state of what was shown last. On a terminal it takes the place of `before`. */
  redraw(text: string, before: string | undefined): void;
  /** Columns of standard output. Undefined if it is not a terminal: then nothing may be cut off. */
  width: number | undefined;
  /** True if standard error is a terminal. */
  live: boolean;
  /** The server that `--server` names, of those that somebody logged in to. */
  server: string | undefined;
  /** Say what happens: which server, which calls, and the causes of an error. */
  verbose: boolean;
  /** Whether the reader of standard output and the one of standard error see colours. */
  colours: { out: boolean; err: boolean };
}

export function processTerminal(): Terminal {
  // `ecolink list-models | head -1`: the reader stops early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    rewrite: (text) => void process.stderr.write(`\r\u001B[K${fit(text, process.stderr.columns || undefined)}`),
    redraw: (text, before) => void process.stdout.write(`${before === undefined ? '' : erase(before)}${text}\n`),
    width: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
    live: process.stderr.isTTY,
    server: undefined,
    verbose: false,
    colours: { out: showsColours(process.stdout), err: showsColours(process.stderr) },
  };
}

/** Goes back to the first line of the text and clears what is below. Nothing, where standard output is no terminal. */
function erase(text: string): string {
  const { isTTY, columns } = process.stdout;
  if (!isTTY) return '';
  const lines = text.split('\n').map((line) => Math.max(1, Math.ceil(stringWidth(line) / columns)));
  return `\u001B[${lines.reduce((sum, each) => sum + each, 0)}A\u001B[J`;
}

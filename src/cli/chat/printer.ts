import { styleText } from 'node:util';
import { plainLines } from '../../core/base/format.ts';
import type { Piece } from './answer-stream.ts';

/** Writes the pieces of an answer: the answer on standard output, thoughts dimmed on standard error. */
export function createPrinter() {
  let last: Piece | undefined;
  return {
    print({ kind, text }: Piece): void {
      if (last !== undefined && last.kind !== kind) process.stderr.write('\n');
      // What a model writes is no command for the terminal.
      const plain = plainLines(text);
      if (kind === 'answer') process.stdout.write(plain);
      else process.stderr.write(styleText('dim', plain, { stream: process.stderr }));
      last = { kind, text };
    },
    end(): void {
      if (last?.kind === 'answer' && !last.text.endsWith('\n')) process.stdout.write('\n');
      else if (last?.kind === 'thought') process.stderr.write('\n');
    },
  };
}

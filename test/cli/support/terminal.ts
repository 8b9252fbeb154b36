import type { Terminal } from '../../../src/cli/output/terminal.ts';

export type RecordedTerminal = Terminal & { outputs: string[]; errors: string[] };

/** Keeps what is written, in place of a terminal. */
export function silentTerminal(): RecordedTerminal {
  const outputs: string[] = [];
  const errors: string[] = [];
  return {
    outputs,
    errors,
    out: (text) => void outputs.push(text),
    err: (text) => void errors.push(text),
    rewrite: (text) => void errors.push(text),
    width: undefined,
    live: false,
  };
}

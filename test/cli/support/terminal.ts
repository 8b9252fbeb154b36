import type { Terminal } from '../../../src/cli/output/terminal.ts';

export type RecordedTerminal = Terminal & { outputs: string[]; errors: string[] };

/** A terminal that only records what is written. */
export function silentTerminal(): RecordedTerminal {
  const outputs: string[] = [];
  const errors: string[] = [];
  return {
    outputs,
    errors,
    out: (text) => void outputs.push(text),
    err: (text) => void errors.push(text),
    redraw: (text) => void outputs.push(text),
    rewrite: (text) => void errors.push(text),
    width: undefined,
    live: false,
    server: undefined,
    verbose: false,
    colours: { out: false, err: false },
  };
}

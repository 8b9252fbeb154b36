import { parseArgs } from 'node:util';

export interface EngineArguments {
  model: string;
  servedName: string;
  host: string;
  /** 0: the system chooses, and the log line `listening` has the port. */
  port: number;
  /** Tokens for one caller, prompt and answer together. Undefined: the model's trained length, at most 8192. */
  contextLength: number | undefined;
  /** CPU threads. Undefined: chosen from the size of the model and the cores that this process may use. */
  threads: number | undefined;
  /** Callers served at the same time; others wait. Each one needs memory for a whole context. */
  parallel: number;
  gpu: 'auto' | false;
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage =
  'Usage: main --model <file.gguf> --served-name <name> [--host 127.0.0.1] [--port 8080] [--context-length <tokens>] ' +
  '[--threads <number>] [--parallel 4] [--gpu auto|off]';

const options = {
  model: { type: 'string' },
  'served-name': { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8080' },
  'context-length': { type: 'string' },
  threads: { type: 'string' },
  parallel: { type: 'string', default: '4' },
  gpu: { type: 'string', default: 'auto' },
} as const;

/** The message of the error names the flag. */
export function parseEngineArguments(argv: readonly string[]): EngineArguments | UsageError {
  try {
    return checked(parseArgs({ args: [...argv], options, strict: true }).values);
  } catch (error) {
    // The message of `parseArgs` for an unknown flag is good enough.
    return error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

function checked(values: Values): EngineArguments {
  const { model, 'served-name': servedName, gpu } = values;
  if (model === undefined) throw new UsageError('--model is missing.');
  if (servedName === undefined) throw new UsageError('--served-name is missing.');
  if (gpu !== 'auto' && gpu !== 'off') throw new UsageError('--gpu must be auto or off.');
  return {
    model,
    servedName,
    host: values.host,
    port: wholeNumber('--port', values.port, 0, 65_535),
    contextLength: optionalNumber('--context-length', values['context-length'], 64),
    threads: optionalNumber('--threads', values.threads, 1),
    parallel: wholeNumber('--parallel', values.parallel, 1, 256),
    gpu: gpu === 'auto' ? 'auto' : false,
  };
}

function optionalNumber(flag: string, value: string | undefined, least: number): number | undefined {
  return value === undefined ? undefined : wholeNumber(flag, value, least, 2 ** 31 - 1);
}

function wholeNumber(flag: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new UsageError(`${flag} must be a whole number from ${least} to ${most}, not "${value}".`);
}

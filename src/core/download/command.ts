import { readFile, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { pullEnvironment } from '../config/pull-environment.ts';
import { systemErrorCode } from '../base/system-error.ts';
import { asError, PullFailure } from './failure.ts';
import { pullFailures, type PullEvent } from './manifest.ts';
import { parseManifest } from './disk/paths.ts';
import { runPull } from './pull.ts';

export const pullUsage = `Usage: ecolink pull --manifest <file> --target <folder> [--token-file <file>|-] [--forget-token]
                    [--attempt <number>] [--from <folder>]...

Downloads the files of a pull manifest into a folder and verifies them. Prints one JSON event per line.
--token-file - reads the token from standard input. --forget-token deletes the token file after it was read.
--from names the folder of a complete download. Files of equal sha256 are taken from there, if the Hub lets the token
read them.
`;

/** `ecolink pull`. Prints events on standard output. Returns 0 or an exit status of `pullFailures`. */
export async function pullCommand(argv: readonly string[], env?: Record<string, string | undefined>): Promise<number> {
  const stop = new AbortController();
  const onSignal = () =>
    stop.abort(new PullFailure('stopped', 'The download was stopped. The next run continues from here.'));
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  // The reader of the events may be gone. The download still continues.
  process.stdout.on('error', () => undefined);
  try {
    const input = await readInput(argv);
    return await runPull({ ...input, environment: pullEnvironment(env), onEvent: print, signal: stop.signal });
  } catch (error) {
    print({ type: 'failed', code: 'bad_manifest', message: asError(error).message, retryable: false });
    return pullFailures.bad_manifest.status;
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

async function readInput(argv: readonly string[]) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      manifest: { type: 'string' },
      target: { type: 'string' },
      'token-file': { type: 'string' },
      'forget-token': { type: 'boolean' },
      attempt: { type: 'string' },
      from: { type: 'string', multiple: true },
    },
  });
  if (!values.manifest || !values.target) throw new Error(`--manifest and --target are required.\n${pullUsage}`);
  if (values.attempt !== undefined && !/^[1-9]\d{0,8}$/.test(values.attempt))
    throw new Error('--attempt must be a whole number greater than 0.');
  const manifest = parseManifest(await readText(values.manifest, 'manifest'));
  const token = values['token-file'] === undefined ? undefined : await readToken(values['token-file']);
  // A download takes hours. The token does not have to stay on disk for that long.
  if (values['forget-token'] && values['token-file']) await rm(values['token-file'], { force: true });
  const attempt = values.attempt === undefined ? undefined : Number(values.attempt);
  return { manifest, target: values.target, token, attempt, from: values.from };
}

/** Undefined if the text is empty. Editors end a file with a line break, so space around the token is dropped. */
async function readToken(file: string): Promise<string | undefined> {
  const token = (file === '-' ? await text(process.stdin) : await readText(file, 'token file')).trim();
  if (/[^\x21-\x7e]/.test(token)) throw new Error('The content of the token file is not a token.');
  return token === '' ? undefined : token;
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new Error(`The ${what} ${file} cannot be read (${code}). Correct its path or its permissions.`, {
      cause: error,
    });
  }
}

function print(event: PullEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

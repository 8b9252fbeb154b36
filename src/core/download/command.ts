import { readFile, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { pullEnvironment } from '../config/pull-environment.ts';
import { PullFailure } from './failure.ts';
import { pullFailures, type PullEvent } from './manifest.ts';
import { parseManifest } from './disk/paths.ts';
import { runPull } from './pull.ts';

export const pullUsage = `Usage: ecolink pull --manifest <file> --target <folder> [--token-file <file>|-] [--forget-token]
                    [--attempt <number>]

Fetches the files of a pull manifest into a folder, verifies them and publishes them. Prints one JSON event per line.
A token file of - means standard input; --forget-token deletes it once it is read.
`;

/** `ecolink pull`. Prints events on standard output and answers with the exit status of `pullFailures`. */
export async function pullCommand(argv: readonly string[], env?: Record<string, string | undefined>): Promise<number> {
  const stop = new AbortController();
  const onSignal = () =>
    stop.abort(new PullFailure('stopped', 'The download was stopped. The next one goes on from here.'));
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  // Whoever reads the events may go away; the download is worth finishing all the same.
  process.stdout.on('error', () => undefined);
  try {
    const input = await readInput(argv);
    return await runPull({ ...input, environment: pullEnvironment(env), onEvent: print, signal: stop.signal });
  } catch (error) {
    const message = (error as Error).message;
    print({ type: 'failed', code: 'bad_manifest', message, retryable: false });
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
    },
  });
  if (!values.manifest || !values.target) throw new Error(`--manifest and --target are needed.\n${pullUsage}`);
  if (values.attempt !== undefined && !/^[1-9]\d{0,8}$/.test(values.attempt))
    throw new Error('--attempt must be a whole number above 0.');
  const manifest = parseManifest(await readText(values.manifest, 'manifest'));
  const token = values['token-file'] === undefined ? undefined : await readToken(values['token-file']);
  // A download runs for hours: the token need not lie on a disk for as long.
  if (values['forget-token'] && values['token-file']) await rm(values['token-file'], { force: true });
  const attempt = values.attempt === undefined ? undefined : Number(values.attempt);
  return { manifest, target: values.target, token, attempt };
}

/** An empty token is none; a line break at its end is the editor's. */
async function readToken(file: string): Promise<string | undefined> {
  const token = (file === '-' ? await text(process.stdin) : await readText(file, 'token file')).trim();
  if (/[^\x21-\x7e]/.test(token)) throw new Error('The token file holds something that is not a token.');
  return token === '' ? undefined : token;
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`The ${what} ${file} cannot be read (${code}). Correct its path, or its rights.`, { cause: error });
  }
}

function print(event: PullEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

import { readFileSync, statSync } from 'node:fs';
import { asEcolinkError, fail } from '../base/errors.ts';
import { randomId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Config } from './config.ts';
import { parseConfigFile } from './parse.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';

/** How often the file is looked at while nobody asks, so that a bad one is told of at once. */
const idleMs = 2_000;

/** The configuration file as it is now, for what may change without a restart: people, groups, policy. */
export interface LiveConfig extends Disposable {
  /**
   * Looks at the file and reads it again if it has changed: the same object as before means the same content. A file
   * that is bad or gone changes nothing; that is logged, once for each such state.
   */
  file(): ConfigFile;
}

export function createLiveConfig(config: Config, log: Log, schema: ConfigFileSchema = configFile): LiveConfig {
  let state = stateOf(config.files);
  let file: ConfigFile = config;
  const look = (): ConfigFile => {
    const now = stateOf(config.files);
    if (now.mark === state.mark) return file;
    const before = state;
    state = now;
    try {
      file = readAgain(now, before, schema);
      log.info({ path: now.path }, 'people, groups and policy read again; the rest counts from the next start');
    } catch (thrown) {
      const error = asEcolinkError(thrown, randomId('cfg'));
      log.error({ code: error.code, reason: error.message, next_step: error.nextStep }, 'configuration kept as it was');
    }
    return file;
  };
  const timer = setInterval(look, idleMs).unref();
  return { file: look, [Symbol.dispose]: () => clearInterval(timer) };
}

interface State {
  path: string | undefined;
  /** Differs whenever the file does. */
  mark: string;
}

/** Of the first of the paths that is there. */
function stateOf(paths: readonly string[]): State {
  for (const path of paths) {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (found)
      return { path, mark: `${path} ${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` };
  }
  return { path: undefined, mark: '' };
}

/** Throws where a file that was there is gone: that takes every role away, and is rather a slip than meant. */
function readAgain({ path }: State, before: State, schema: ConfigFileSchema): ConfigFile {
  const where = path ?? before.path ?? '';
  let text: string;
  try {
    text = readFileSync(where, 'utf8');
  } catch (cause) {
    throw fail('bad_config', `The configuration file ${where} cannot be read.`, {
      nextStep: 'Put it back, readable by the account that runs the server; until then its last good content holds.',
      cause,
    });
  }
  return parseConfigFile(text, where, schema);
}

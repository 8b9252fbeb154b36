import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { asEcolinkError, fail } from '../base/errors.ts';
import type { NewId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { plainWords } from '../base/prose.ts';
import type { Config } from './config.ts';
import { parseConfigFile } from './parse.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';

/** How often the file is looked at without a call, so that the log soon reports a bad file. */
const idleMs = 2_000;

/** The present configuration file, for settings that may change without a restart: people, groups, policy. */
export interface LiveConfig extends Disposable {
  /**
   * Looks at the file and reads it again if it has changed. Returns the same object as before if it has not. A bad or
   * missing file changes nothing and is logged once.
   */
  file(): ConfigFile;
}

export interface LiveConfigDeps {
  config: Config;
  log: Log;
  clock: Pick<Clock, 'every'>;
  newId: NewId;
  /** For other kinds of regions than the built-in ones. */
  schema?: ConfigFileSchema | undefined;
}

export function createLiveConfig({ config, log, clock, newId, schema = configFile }: LiveConfigDeps): LiveConfig {
  let state = stateOf(config.files);
  let file: ConfigFile = config;
  const look = (): ConfigFile => {
    const now = stateOf(config.files);
    if (now.mark === state.mark) return file;
    const before = state;
    state = now;
    try {
      file = readAgain(now, before, schema);
      log.info({ path: now.path }, 'people, groups and policy were read again; other settings need a restart');
    } catch (thrown) {
      const { code, message, nextStep } = asEcolinkError(thrown, newId('cfg'));
      log.error({ code, reason: message, next_step: plainWords(nextStep) }, 'the configuration was not changed');
    }
    return file;
  };
  const timer = clock.every(idleMs, look);
  return { file: look, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

interface State {
  path: string | undefined;
  /** Differs for every version of the file. */
  mark: string;
}

/** The state of the first path that exists. */
function stateOf(paths: readonly string[]): State {
  for (const path of paths) {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (found)
      return { path, mark: `${path} ${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` };
  }
  return { path: undefined, mark: '' };
}

/** Throws if the file is gone. Its absence would take every role away, and is more likely a mistake. */
function readAgain(now: State, before: State, schema: ConfigFileSchema): ConfigFile {
  const path = now.path ?? before.path ?? '';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail('bad_config', `The configuration file ${path} cannot be read.`, {
      nextStep: 'Restore it, readable by the account of the server. Until then its last valid content counts.',
      cause,
    });
  }
  return parseConfigFile(text, path, schema);
}

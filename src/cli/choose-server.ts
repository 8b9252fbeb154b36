import type { Core } from '../core/core.ts';
import { scopes } from '../core/base/caller.ts';
import type { Caller } from '../core/base/caller.ts';
import { clientEnvironment, loadConfig } from '../core/config/load.ts';
import type { Config } from '../core/config/config.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { createLog } from '../core/base/log.ts';
import { connect } from '../http/client.ts';
import type { Client } from '../http/client.ts';
import { program } from './names.ts';

export type Call = Client['call'];

/** Whatever carries an operation out: a running server, or this process. */
export interface Reached extends AsyncDisposable {
  call: Call;
  tokens: Client['tokens'];
  credentials: Client['credentials'];
}

/**
 * The server that the environment or the data folder names; where none runs, this process, if `withoutServer` says
 * that it can do the work alone. Throws `server_not_running` otherwise.
 */
export async function reach({ withoutServer }: { withoutServer: boolean }): Promise<Reached> {
  const config = loadConfig();
  const named = clientEnvironment();
  try {
    const client = await connect({ dataDir: config.dataDir, source: 'cli', ...named });
    return { ...client, [Symbol.asyncDispose]: async () => {} };
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'server_not_running') throw thrown;
    // Who names a server means that one: the local registry would be another.
    if (named.url !== undefined) throw thrown;
    if (withoutServer) return inThisProcess(config);
    throw needsServer(config, thrown);
  }
}

/** The core without its reconciler: what it writes, a server carries out once it runs. */
async function openCore(config: Config): Promise<Core> {
  const { createCore } = await import('../core/create-core.ts');
  return createCore(config, createLog({ level: 'silent', pretty: false }), { reconcile: false });
}

async function inThisProcess(config: Config): Promise<Reached> {
  const core = await openCore(config);
  const person = await core.access.local();
  const caller: Caller = {
    person,
    identity: 'local',
    agent: false,
    mayDecide: true,
    source: 'cli',
    scopes: [...scopes],
  };
  return {
    call: (operation, input, options) => core.execute(operation, input, caller, options),
    tokens: {
      create: (input) => core.tokens.create(input, caller),
      list: () => core.tokens.list(caller),
      revoke: (idOrName) => core.tokens.revoke(idOrName, caller),
    },
    credentials: {
      add: (input) => core.credentials.add(input, caller),
      rotateKey: () => core.credentials.rotateKey(caller),
    },
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

function needsServer(config: Config, cause: EcolinkError): EcolinkError {
  return fail('server_not_running', `No EcoLink server runs on ${config.dataDir}, and this needs one.`, {
    nextStep: `Start it in another terminal with "npm start" (or "${program} serve"), or name a server in ECOLINK_URL and ECOLINK_TOKEN.`,
    cause,
  });
}

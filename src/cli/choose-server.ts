import type { Call, CallOptions, Client, CredentialCalls, TokenCalls } from '../client/client.ts';
import { scopes } from '../core/base/caller.ts';
import type { Caller } from '../core/base/caller.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import type { Config } from '../core/config/config.ts';
import type { Core } from '../core/core.ts';
import type { InputOf, OperationName, OutputOf } from '../core/operations/catalogue.ts';

/** Runs operations: a server, or this process. */
export interface Connection extends AsyncDisposable {
  call: Call;
  tokens: TokenCalls;
  credentials: CredentialCalls;
}

/**
 * The server that the environment or the data folder names. If none runs, this process does the work, if `withoutServer`
 * allows that. Throws `server_not_running` otherwise.
 */
export async function chooseServer({ withoutServer }: { withoutServer: boolean }): Promise<Connection> {
  const config = await readConfig();
  const found = await findRunning(config);
  if (found instanceof EcolinkError) {
    if (withoutServer) return inThisProcess(config);
    throw needsServer(config, found);
  }
  const { call, tokens, credentials } = found;
  return { call, tokens, credentials, [Symbol.asyncDispose]: async () => {} };
}

/** The running server, for what only a server can do. Throws `server_not_running`. */
export async function connectToServer(): Promise<Client> {
  const config = await readConfig();
  const found = await findRunning(config);
  if (found instanceof EcolinkError) throw needsServer(config, found);
  return found;
}

// Imported when they are needed, so that help does not load them.
async function readConfig(): Promise<Config> {
  return (await import('../core/config/load.ts')).loadConfig();
}

/** Returns the error if no server runs on the data folder. */
async function findRunning({ dataDir }: Config): Promise<Client | EcolinkError> {
  const { clientEnvironment } = await import('../core/config/load.ts');
  const { connect } = await import('../client/client.ts');
  const named = clientEnvironment();
  try {
    return await connect({ dataDir, source: 'cli', ...named });
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'server_not_running') throw thrown;
    // The local registry is not the one of a server that was named.
    if (named.url !== undefined) throw thrown;
    return thrown;
  }
}

/** The core without its reconciler: it writes, and a server does the work when it runs. */
async function openCore(config: Config): Promise<Core> {
  const { createCore } = await import('../core/create-core.ts');
  const { createLog } = await import('../core/base/log.ts');
  return createCore(config, createLog({ level: 'silent', pretty: false }), { reconcile: false });
}

async function inThisProcess(config: Config): Promise<Connection> {
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
    call: callsOf(core, caller),
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

function callsOf(core: Core, caller: Caller): Call {
  function call<N extends OperationName>(name: N, input: InputOf<N>, options?: CallOptions): Promise<OutputOf<N>>;
  function call(name: string, input: object, options?: CallOptions): Promise<Record<string, unknown>>;
  function call(name: string, input: object, options?: CallOptions): Promise<Record<string, unknown>> {
    return core.execute(name, input, caller, options);
  }
  return call;
}

function needsServer(config: Config, cause: EcolinkError): EcolinkError {
  return fail('server_not_running', `No EcoLink server runs on ${config.dataDir}, and this command needs one.`, {
    nextStep: say`Start it in another terminal: ${task('start_server')}. Or name a server in ECOLINK_URL and ECOLINK_TOKEN.`,
    cause,
  });
}

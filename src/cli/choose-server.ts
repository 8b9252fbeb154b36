import { join } from 'node:path';
import type { Call, CallOptions, Client, CredentialCalls, TokenCalls } from '../client/client.ts';
import type { ServerAddress } from '../client/find-server.ts';
import { scopes } from '../core/base/caller.ts';
import type { Caller } from '../core/base/caller.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import type { Config } from '../core/config/config.ts';
import type { Core } from '../core/core.ts';
import type { Operation } from '../core/operation/operation.ts';
import type { InputOf, OperationName, OutputOf } from '../core/operations/catalogue.ts';
import { program } from './names.ts';
import type { Terminal } from './output/terminal.ts';

/** Runs operations: a server, or this process. */
export interface Connection extends AsyncDisposable {
  call: Call;
  tokens: TokenCalls;
  credentials: CredentialCalls;
}

interface Needs {
  /** The work can be done without a server. */
  withoutServer: boolean;
  effect?: Operation['effect'];
  name?: string;
}

/**
 * The server that the environment, a login or the data folder names. If none runs, this process does the work, if
 * `withoutServer` allows that. Throws `server_not_running` otherwise.
 */
export async function chooseServer(needs: Needs, terminal?: Terminal): Promise<Connection> {
  const config = await readConfig();
  const found = await findRunning(config, terminal?.server);
  if (!(found instanceof EcolinkError)) {
    const { url, call, tokens, credentials } = found;
    return { call: traced(call, url, terminal), tokens, credentials, [Symbol.asyncDispose]: async () => {} };
  }
  if (!needs.withoutServer) throw needsServer(config, found);
  const isRead = needs.effect === 'read';
  const isUsed = (await import('../core/core.ts')).isStoreMade(config);
  if (isRead && /^(?:list|get)_/.test(needs.name ?? '')) terminal?.err(withoutServerNote(config, isUsed));
  const here = isRead && !isUsed ? await inEmptyFolder(config) : await inThisProcess(config);
  return { ...here, call: traced(here.call, 'this process', terminal) };
}

function withoutServerNote({ dataDir }: Config, isUsed: boolean): string {
  if (!isUsed) return `No EcoLink server runs on ${dataDir}, and none ever did.`;
  return `No EcoLink server runs on ${dataDir}. This is the last known state.`;
}

/** With `--verbose`, says where each call went and how it ended. The input may hold what others must not read. */
function traced(call: Call, where: string, terminal: Terminal | undefined): Call {
  if (terminal?.verbose !== true) return call;
  function run<N extends OperationName>(name: N, input: InputOf<N>, options?: CallOptions): Promise<OutputOf<N>>;
  function run(name: string, input: object, options?: CallOptions): Promise<Record<string, unknown>>;
  async function run(name: string, input: object, options?: CallOptions): Promise<Record<string, unknown>> {
    const began = performance.now();
    const end = (how: string): void =>
      terminal?.err(`> ${name} at ${where}: ${how}, ${Math.round(performance.now() - began)} ms`);
    try {
      const output = await call(name, input, options);
      end('done');
      return output;
    } catch (thrown) {
      end(thrown instanceof EcolinkError ? thrown.code : 'failed');
      throw thrown;
    }
  }
  return run;
}

/** The running server, for what only a server can do. Throws `server_not_running`. */
export async function connectToServer(terminal: Terminal): Promise<Client> {
  const config = await readConfig();
  const found = await findRunning(config, terminal.server);
  if (found instanceof EcolinkError) throw needsServer(config, found);
  return found;
}

// Imported when they are needed, so that help does not load them.
async function readConfig(): Promise<Config> {
  return (await import('../core/config/load.ts')).loadConfig();
}

/** Returns the error if no server runs on the data folder. */
async function findRunning({ dataDir }: Config, server: string | undefined): Promise<Client | EcolinkError> {
  const { connect } = await import('../client/client.ts');
  const named = await namedServer(server);
  try {
    return await connect({ dataDir, source: 'cli', ...named });
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'server_not_running') throw thrown;
    // The local registry is not the one of a server that was named.
    if (named.login !== undefined) throw loginAway(named.login, thrown);
    if (named.url !== undefined) throw thrown;
    return thrown;
  }
}

function loginAway(name: string, cause: EcolinkError): EcolinkError {
  return fail('server_not_running', cause.said, {
    nextStep: `Check the address of "${name}" with ${program} list-servers. For the server of this machine: ${program} use-server local.`,
    cause,
  });
}

/** The server that `--server` names, else the one in the environment, else the one of a login. */
async function namedServer(
  chosen: string | undefined,
): Promise<Pick<ServerAddress, 'url' | 'token' | 'tokenFrom' | 'singleUser'> & { login?: string }> {
  const { clientEnvironment } = await import('../core/config/load.ts');
  const { url, token, singleUser, server } = clientEnvironment();
  if (url !== undefined && chosen === undefined) return { url, token, singleUser };
  const { savedServerOf } = await import('../client/saved-servers.ts');
  const saved = savedServerOf(chosen ?? server);
  if (saved === undefined) return { token, singleUser };
  return {
    url: saved.url,
    token: saved.token,
    tokenFrom: `the login to "${saved.name}"`,
    login: saved.name,
    singleUser,
  };
}

/** A data folder that was never used stays as it is: what is only read needs no store. */
async function inEmptyFolder(config: Config): Promise<Connection> {
  const { mkdtemp, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-empty-'));
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
  try {
    const here = await inThisProcess({ ...config, dataDir });
    return {
      ...here,
      [Symbol.asyncDispose]: async () => {
        await here[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (thrown) {
    await remove();
    throw thrown;
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

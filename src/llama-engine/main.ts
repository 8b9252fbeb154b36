/**
 * An OpenAI-compatible server for one GGUF file, in a process of its own: if a model crashes llama.cpp or fills the
 * memory, nothing else fails. See `usage` in arguments.ts.
 *
 * Exit statuses: 0 stopped by a signal, 1 the model cannot be loaded, 2 wrong arguments, 3 no engine for this machine.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { isStopping } from './api-error.ts';
import { parseEngineArguments, usage, UsageError } from './arguments.ts';
import type { EngineArguments } from './arguments.ts';
import { loadEngine } from './load-engine.ts';
import { engineKey } from '../core/config/engine-environment.ts';
import { listeningPort } from '../core/base/listening-port.ts';
import { isLlamaEngineInstalled } from '../core/runtimes/llama-engine.ts';
import { logLine } from './log.ts';
import { createEngineServer } from './server.ts';
import type { ServerState } from './server.ts';

const exit = { stopped: 0, cannotLoad: 1, wrongArguments: 2, noEngine: 3 };
/** Time for answers to finish after SIGTERM, and then for aborted answers to end. */
const graceMilliseconds = 2_000;
const abortMilliseconds = 1_000;

/** For errors before the start: a plain sentence, no log line. */
function giveUp(sentence: string, status: number): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(status);
}

function argumentsOrExit(): EngineArguments {
  const result = parseEngineArguments(process.argv.slice(2));
  return result instanceof UsageError ? giveUp(`${result.message}\n${usage}`, exit.wrongArguments) : result;
}

/** Listens before the model is loaded, so that health checks get "loading" instead of a refused connection. */
async function listen(server: Server, { host, port }: EngineArguments): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
  logLine('info', 'listening', { host, port: listeningPort(server) });
}

async function load(options: EngineArguments, state: ServerState): Promise<void> {
  const llamaModule = await import('node-llama-cpp');
  try {
    state.engine = await loadEngine(llamaModule, options);
  } catch (error) {
    const hasNoBinary = error instanceof llamaModule.NoBinaryFoundError;
    logLine('error', hasNoBinary ? 'no_engine' : 'load_failed', { reason: String(error) });
    process.exit(hasNoBinary ? exit.noEngine : exit.cannotLoad);
  }
}

function stopOnSignal(server: Server, stopping: AbortController): void {
  const stop = (signal: string): void => {
    logLine('info', 'stopping', { signal });
    server.close(() => process.exit(exit.stopped));
    server.closeIdleConnections();
    setTimeout(() => stopping.abort(isStopping()), graceMilliseconds);
    setTimeout(() => process.exit(exit.stopped), graceMilliseconds + abortMilliseconds);
  };
  // `on`, not `once`: signal-exit, a dependency of node-llama-cpp, kills the process if it finds no other listener.
  // After a second signal the server is closed already, so the process ends at once.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function main(): Promise<void> {
  const options = argumentsOrExit();
  if (!isLlamaEngineInstalled()) {
    giveUp(
      'The engine for GGUF models is not installed: run "npm install node-llama-cpp", or put llama-server on the PATH.',
      exit.noEngine,
    );
  }
  const stopping = new AbortController();
  const { servedName } = options;
  const key = engineKey();
  const state: ServerState = { servedName, key, startedAt: new Date(), engine: undefined, stopping: stopping.signal };
  const server = createEngineServer(state);
  stopOnSignal(server, stopping);
  await listen(server, options);
  await load(options, state);
}

await main();

import { mkdirSync } from 'node:fs';
import { truncate, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { asEcolinkError, EcolinkError } from '../../base/errors.ts';
import { plainWords, sentences } from '../../base/prose.ts';
import type { reasonCodes } from '../../base/reason-codes.ts';
import type { Log } from '../../base/log.ts';
import type { Reason } from '../../base/reason.ts';
import { findCause } from '../../runtimes/find-cause.ts';
import type { EngineCause } from '../../runtimes/find-cause.ts';
import { askEngine } from '../../region/ask-engine.ts';
import type { ObservedReplica } from '../../region/region.ts';
import type { Sealer } from '../../secrets/sealer.ts';
import { engineKeyOf, newEngineKey } from './engine-key.ts';
import { lastLines, linesFrom } from './last-lines.ts';
import type { DevicePool, DeviceRequest, TakenDevices } from './devices.ts';
import { backOffMs, mostFailedStarts, planReplica } from './plan-replica.ts';
import type { ReplicaAction, ReplicaView } from './plan-replica.ts';
import { freePort } from './ports.ts';
import { endRecorded, noteOf, presenceOf, startRecorded } from './recorded-process.ts';
import type { Presence } from './recorded-process.ts';
import { removeScratch } from './sandbox/engine-sandbox.ts';
import type { PreparedEngine } from './sandbox/engine-sandbox.ts';

/** How to start one replica. */
export interface ReplicaSpec {
  /** Hash of the workload. A replica with another hash is replaced. */
  hash: string;
  command: string;
  /** Every start takes a free port. */
  arguments: (port: number) => string[];
  environment: Record<string, string>;
  /** Changes how it is started, so that it reads little of this machine. */
  prepare?: ((replicaFolder: string, port: number) => Promise<PreparedEngine>) | undefined;
  /** The environment variable in which the engine takes a key for its API. Undefined: it has none. */
  keyVariable?: string | undefined;
  /** Accelerators for this replica alone. Undefined: it needs none. */
  devices?: DeviceRequest | undefined;
  health: string;
  graceMs: number;
  /** Called before every start. Throws if the engine must not start from what there is now. */
  check?: () => Promise<void>;
}

const logLimitBytes = 64 * 1024 ** 2;

export interface ReplicaDeps {
  id: string;
  folder: string;
  log: Log;
  clock: Clock;
  /** Seals the keys of engines. Undefined: engines get no keys. */
  sealer: Sealer | undefined;
  /** Undefined: engines see every accelerator. */
  devices?: DevicePool | undefined;
  /** Its process has ended. */
  exited: () => void;
  /** It takes no more calls. Callers hear of it before the process ends. */
  ending: () => void;
}

/** One child process of the local region. The record on disk outlives this object. Times are monotonic milliseconds. */
export class Replica {
  readonly id: string;
  readonly #deps: ReplicaDeps;
  #wanted: string | undefined;
  #graceMs = 10_000;
  #failures = 0;
  #restarts = 0;
  #notBefore: number | undefined;
  #startedAt: number;
  #wasReady = false;
  #healthy = false;
  #ending = false;
  #unhealthySince: number | undefined;
  #exit: string | undefined;
  /** Where the last start begins in the log, in bytes. */
  #logStart: number | undefined;
  #reason: Reason | undefined;
  /** The last check before a start failed, and waiting does not help. */
  #isRefused = false;
  /** It was ready once with its current spec, so it can start. */
  #canStart = false;
  #presence: Presence = 'none';
  #port: number | undefined;
  #startedFrom: string | undefined;
  #key: string | undefined;

  constructor(deps: ReplicaDeps) {
    this.id = deps.id;
    this.#deps = deps;
    this.#startedAt = deps.clock.elapsedMs();
  }

  get logFile(): string {
    return join(this.#deps.folder, 'engine.log');
  }

  get #record(): string {
    return join(this.#deps.folder, 'process.json');
  }

  get ready(): boolean {
    return this.#presence === 'running' && this.#healthy && !this.#ending;
  }

  /** Its state now. `wanted`: hash of the current spec. A replica of an older spec takes calls until it is replaced. */
  observe(wanted: string | undefined): ObservedReplica {
    // Counts and reasons belong to the spec of the last step. They say nothing about a newer one.
    const isCurrent = wanted === this.#wanted;
    const base = { id: this.id, restarts: isCurrent ? this.#restarts : 0, crashes: isCurrent ? this.#failures : 0 };
    const reason = isCurrent ? this.#reason : undefined;
    const url = this.ready && this.#port !== undefined ? urlOf(this.#port) : undefined;
    const isOutdated = this.#startedFrom !== undefined && this.#startedFrom !== wanted;
    if (this.#ending || isOutdated) return { ...base, url, state: 'stopping' };
    if (this.ready) return { ...base, url, state: 'ready' };
    if (isCurrent && (this.#isRefused || this.#gaveUp)) return { ...base, reason, state: 'waiting', failed: true };
    return { ...base, reason, state: this.#presence === 'none' ? 'waiting' : 'starting' };
  }

  get #gaveUp(): boolean {
    return !this.#canStart && this.#failures >= mostFailedStarts;
  }

  /** Whether it is the one with this URL. */
  hasUrl(url: string): boolean {
    return this.#port !== undefined && url === urlOf(this.#port);
  }

  /** The key for its API. Undefined if it was started without one. */
  get key(): string | undefined {
    return this.#key;
  }

  /** Observes the process, decides, acts. Returns `gone` if nothing is left and nothing is wanted. */
  async step(wanted: ReplicaSpec | undefined, othersReady: () => boolean): Promise<'gone' | 'here'> {
    if (wanted && wanted.hash !== this.#wanted) this.#startOver(wanted);
    await this.#refresh(wanted);
    // No await between `othersReady` and the end that it allows: otherwise two replicas could end at the same time.
    const action = planReplica(this.#view(wanted, othersReady()), this.#deps.clock.elapsedMs());
    if (action.do === 'forget') return 'gone';
    if (action.do === 'start' && wanted) await this.#start(wanted);
    if (action.do === 'end') await this.#end(action);
    return 'here';
  }

  /** Earlier failures say nothing about a new spec. */
  #startOver(wanted: ReplicaSpec): void {
    this.#wanted = wanted.hash;
    this.#graceMs = wanted.graceMs;
    this.#failures = 0;
    this.#restarts = 0;
    this.#notBefore = undefined;
    this.#reason = undefined;
    this.#isRefused = false;
    this.#canStart = false;
  }

  async #refresh(wanted: ReplicaSpec | undefined): Promise<void> {
    this.#presence = await presenceOf(this.#record);
    const note = await noteOf(this.#record);
    this.#port = note === undefined ? undefined : Number(note['port']);
    this.#startedFrom = note === undefined ? undefined : String(note['spec']);
    // A server before this one has started it.
    this.#logStart ??= Number(note?.['log_start'] ?? 0);
    const key = this.#deps.sealer && engineKeyOf(note, this.#deps.sealer, this.id);
    this.#key = key?.key;
    // Nobody can call it any more, so it is replaced like one that was started from an older spec.
    if (key?.isLost) this.#startedFrom = 'key lost';
    const healthy =
      this.#presence === 'running' &&
      this.#port !== undefined &&
      (await isHealthy(this.#port, wanted?.health ?? '/health', this.#key));
    if (healthy && !this.#healthy) this.#becameReady();
    if (!healthy && this.#healthy) this.#unhealthySince = this.#deps.clock.elapsedMs();
    this.#healthy = healthy;
    await this.#trimLog();
  }

  #becameReady(): void {
    this.#wasReady = true;
    this.#canStart = true;
    this.#unhealthySince = undefined;
    this.#reason = undefined;
  }

  #view(wanted: ReplicaSpec | undefined, othersReady: boolean): ReplicaView {
    return {
      wanted: wanted?.hash,
      startedFrom: this.#startedFrom,
      presence: this.#presence,
      healthy: this.#healthy,
      wasReady: this.#wasReady,
      startedAt: this.#startedAt,
      unhealthySince: this.#unhealthySince,
      notBefore: this.#notBefore,
      gaveUp: this.#gaveUp,
      othersReady,
    };
  }

  async #start(spec: ReplicaSpec): Promise<void> {
    if (!(await this.#mayStart(spec))) return;
    mkdirSync(this.#deps.folder, { recursive: true, mode: 0o700 });
    const port = await freePort();
    const devices = await this.#takeDevices(spec);
    const prepared = devices && (await this.#prepare(spec, port));
    if (!prepared) return;
    const { sealer } = this.#deps;
    const key = spec.keyVariable === undefined || !sealer ? undefined : newEngineKey(sealer, this.id);
    this.#exit = undefined;
    const logStart = await this.#logSize();
    this.#logStart = logStart;
    this.#wasReady = false;
    this.#unhealthySince = undefined;
    this.#startedAt = this.#deps.clock.elapsedMs();
    await startRecorded(this.#deps.clock, {
      record: this.#record,
      note: { port, spec: spec.hash, log_start: logStart, ...key?.note, ...devices.note },
      ...prepared,
      environment: withKey({ ...prepared.environment, ...devices.environment }, spec.keyVariable, key?.value),
      outputFile: this.logFile,
      errorFile: this.logFile,
      onExit: ({ status, signal }) => {
        this.#exit = signal === null ? `exit status ${status}` : signal;
        this.#deps.exited();
      },
    });
    this.#presence = await presenceOf(this.#record);
    this.#deps.log.info({ replica: this.id, port }, 'replica started');
  }

  async #mayStart({ check }: ReplicaSpec): Promise<boolean> {
    try {
      await check?.();
      this.#isRefused = false;
      return true;
    } catch (thrown) {
      if (!(thrown instanceof EcolinkError)) throw thrown;
      this.#isRefused = !thrown.retryable;
      this.#holdBack(thrown);
      return false;
    }
  }

  /** Undefined if too few are free. That is no failure of the engine: it is tried again until some are. */
  async #takeDevices({ devices }: ReplicaSpec): Promise<TakenDevices | undefined> {
    try {
      return (await this.#deps.devices?.take(this.id, devices)) ?? { environment: {}, note: {} };
    } catch (thrown) {
      const error = asEcolinkError(thrown, `replica ${this.id}`);
      if (error.code !== 'no_accelerator_free') throw thrown;
      this.#wait(error, deviceWaitMs);
      return undefined;
    }
  }

  /** Undefined if it cannot be started as things are. It is tried again, after the pause of an engine that crashed. */
  async #prepare(spec: ReplicaSpec, port: number): Promise<PreparedEngine | undefined> {
    const { folder } = this.#deps;
    try {
      return (await spec.prepare?.(folder, port)) ?? plainly(spec, folder, port);
    } catch (thrown) {
      this.#holdBack(asEcolinkError(thrown, `replica ${this.id}`));
      return undefined;
    }
  }

  #holdBack(error: EcolinkError): void {
    this.#failures++;
    this.#wait(error, backOffMs(this.#failures));
  }

  #wait(error: EcolinkError, ms: number): void {
    const { clock, log } = this.#deps;
    this.#notBefore = clock.elapsedMs() + ms;
    this.#reason = { code: error.code, message: plainWords(sentences(error.said, error.nextStep)) };
    log.warn({ err: error.cause, replica: this.id, reason: this.#reason.message }, 'replica not started');
  }

  async #end(action: ReplicaAction & { do: 'end' }): Promise<void> {
    const ranMs = this.#deps.clock.elapsedMs() - this.#startedAt;
    this.#ending = true;
    this.#deps.ending();
    await endRecorded(this.#deps.clock, this.#record, this.#graceMs).finally(() => {
      this.#ending = false;
    });
    await removeScratch(this.#deps.folder);
    this.#deps.devices?.release(this.id);
    this.#presence = 'none';
    this.#healthy = false;
    this.#startedFrom = undefined;
    if (action.failed === false) {
      this.#notBefore = undefined;
      return;
    }
    // Ten minutes without a failure reset the count, as kubelets do it.
    this.#failures = ranMs > 600_000 ? 1 : this.#failures + 1;
    this.#restarts++;
    this.#notBefore = this.#deps.clock.elapsedMs() + backOffMs(this.#failures);
    const cause = action.failed === 'unresponsive' ? undefined : await this.#findCause();
    const said = cause ? `${cause.message} The engine said: ${cause.line}` : await this.#describe(action.failed);
    this.#reason = { code: cause?.code ?? codes[action.failed], message: this.#gaveUp ? `${gaveUp} ${said}` : said };
    this.#deps.log.warn({ replica: this.id, reason: this.#reason.message }, 'replica ended');
  }

  /** Reads the log of the last start only: an earlier one may have failed otherwise. An engine may print its key. */
  async #findCause(): Promise<EngineCause | undefined> {
    const lines = await linesFrom(this.logFile, this.#logStart ?? 0);
    const key = this.#key;
    return findCause(key === undefined ? lines : lines.map((line) => line.replaceAll(key, '[key]')));
  }

  async #describe(failed: keyof typeof codes): Promise<string> {
    const last = (await lastLines(this.logFile, 3))
      .map((line) => line.trim())
      .filter(Boolean)
      .join(' | ')
      // The last words say why it ended.
      .slice(-400);
    const output = last === '' ? 'It wrote nothing to its log.' : `Its last output: ${last}`;
    if (failed === 'exited') return `The engine ended by itself (${this.#exit ?? 'while EcoLink was down'}). ${output}`;
    if (failed === 'start_timeout') return `The engine did not become healthy in time and was ended. ${output}`;
    return `The engine stopped answering and was ended. ${output}`;
  }

  /** Engines run for months and keep the file open for appending, so it is truncated in place. */
  async #trimLog(): Promise<void> {
    if ((await this.#logSize()) <= logLimitBytes) return;
    await truncate(this.logFile, 0);
    this.#logStart = 0;
  }

  #logSize(): Promise<number> {
    return stat(this.logFile).then(
      (found) => found.size,
      () => 0,
    );
  }
}

/** How long a replica waits for accelerators of others. */
const deviceWaitMs = 5000;

const gaveUp = `It failed ${mostFailedStarts} times and was never ready, so it is not started again. Restart the instance once the cause is gone.`;

const codes = {
  exited: 'engine_exited',
  start_timeout: 'engine_start_timeout',
  unresponsive: 'engine_unresponsive',
} as const satisfies Record<string, keyof typeof reasonCodes>;

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function plainly(
  { command, arguments: words, environment }: ReplicaSpec,
  folder: string,
  port: number,
): PreparedEngine {
  return { command, arguments: words(port), environment, folder, user: undefined };
}

/** In the environment, not among the arguments: every user of the machine can read those. */
function withKey(environment: Record<string, string>, name: string | undefined, key: string | undefined) {
  return name === undefined || key === undefined ? environment : { ...environment, [name]: key };
}

/** True if the health path answers with 2xx. Some engines answer with a page: its length does not matter. */
async function isHealthy(port: number, path: string, key: string | undefined): Promise<boolean> {
  const answer = await askEngine(`${urlOf(port)}${path}`, { key });
  return answer !== undefined && answer.status >= 200 && answer.status < 300;
}

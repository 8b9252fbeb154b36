import { mkdirSync } from 'node:fs';
import { truncate, stat } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import type { ObservedReplica } from '../../region/region.ts';
import type { Reason } from '../../base/reason.ts';
import { lastLines } from './last-lines.ts';
import { backOffMs, planReplica } from './plan-replica.ts';
import type { ReplicaAction, ReplicaView } from './plan-replica.ts';
import { freePort } from './ports.ts';
import { endRecorded, noteOf, presenceOf, startRecorded } from './recorded-process.ts';
import type { Presence } from './recorded-process.ts';

/** Everything that one replica is started from. */
export interface ReplicaSpec {
  /** Hash of the workload: another one means another process. */
  hash: string;
  command: string;
  /** With `{port}` still open: every start takes a free one. */
  arguments: (port: number) => string[];
  environment: Record<string, string>;
  health: string;
  graceMs: number;
}

const healthTimeoutMs = 2000;
const logLimitBytes = 64 * 1024 ** 2;

/** What a replica tells whoever looks after it. */
export interface ReplicaHooks {
  exited: () => void;
  /** It takes no more calls: those who send some should know before it goes. */
  ending: () => void;
}

/** One child process of the local region and everything that is known of it. The record on disk outlives this object. */
export class Replica {
  readonly id: string;
  readonly #folder: string;
  readonly #log: Log;
  readonly #hooks: ReplicaHooks;
  #wanted: string | undefined;
  #graceMs = 10_000;
  #failures = 0;
  #restarts = 0;
  #notBefore = 0;
  #startedAt = Date.now();
  #wasReady = false;
  #healthy = false;
  #ending = false;
  #unhealthySince: number | undefined;
  #exit: string | undefined;
  #reason: Reason | undefined;
  #presence: Presence = 'none';
  #port: number | undefined;
  #startedFrom: string | undefined;

  constructor(id: string, folder: string, log: Log, hooks: ReplicaHooks) {
    this.id = id;
    this.#folder = folder;
    this.#log = log;
    this.#hooks = hooks;
  }

  get logFile(): string {
    return join(this.#folder, 'engine.log');
  }

  get #record(): string {
    return join(this.#folder, 'process.json');
  }

  get ready(): boolean {
    return this.#presence === 'running' && this.#healthy && !this.#ending;
  }

  /** As it is now, beside what it should be started from: one of an older kind still takes calls, and is on its way out. */
  observe(wanted: string | undefined): ObservedReplica {
    // Until its next step it knows nothing of what is wanted anew, and what failed before says nothing about that.
    const told = wanted === this.#wanted;
    const base = { id: this.id, restarts: told ? this.#restarts : 0, crashes: told ? this.#failures : 0 };
    const reason = told && this.#reason !== undefined ? { reason: this.#reason } : {};
    const url = this.ready && this.#port !== undefined ? { url: `http://127.0.0.1:${this.#port}` } : {};
    const outdated = this.#startedFrom !== undefined && this.#startedFrom !== wanted;
    if (this.#ending || outdated) return { ...base, ...url, state: 'stopping' };
    if (this.ready) return { ...base, ...url, state: 'ready' };
    if (this.#presence === 'none') return { ...base, ...reason, state: 'waiting' };
    return { ...base, ...reason, state: 'starting' };
  }

  /** Looks, decides, acts. Answers `gone` where nothing of it is left and nothing is wanted. */
  async step(wanted: ReplicaSpec | undefined, othersReady: () => boolean): Promise<'gone' | 'here'> {
    if (wanted && wanted.hash !== this.#wanted) this.#startOver(wanted);
    await this.#look(wanted);
    // Nothing is awaited between the question and the end that it allows: of two replicas only one gets a yes.
    const action = planReplica(this.#view(wanted, othersReady()), Date.now());
    if (action.do === 'forget') return 'gone';
    if (action.do === 'start' && wanted) await this.#start(wanted);
    if (action.do === 'end') await this.#end(action);
    return 'here';
  }

  /** What failed before says nothing about what is wanted now. */
  #startOver(wanted: ReplicaSpec): void {
    this.#wanted = wanted.hash;
    this.#graceMs = wanted.graceMs;
    this.#failures = 0;
    this.#restarts = 0;
    this.#notBefore = 0;
    this.#reason = undefined;
  }

  async #look(wanted: ReplicaSpec | undefined): Promise<void> {
    this.#presence = await presenceOf(this.#record);
    const note = await noteOf(this.#record);
    this.#port = note === undefined ? undefined : Number(note['port']);
    this.#startedFrom = note === undefined ? undefined : String(note['spec']);
    const healthy =
      this.#presence === 'running' &&
      this.#port !== undefined &&
      (await answers(this.#port, wanted?.health ?? '/health'));
    if (healthy && !this.#healthy) this.#becameReady();
    if (!healthy && this.#healthy) this.#unhealthySince = Date.now();
    this.#healthy = healthy;
    await this.#trimLog();
  }

  #becameReady(): void {
    this.#wasReady = true;
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
      othersReady,
    };
  }

  async #start(spec: ReplicaSpec): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const port = await freePort();
    this.#exit = undefined;
    this.#wasReady = false;
    this.#unhealthySince = undefined;
    this.#startedAt = Date.now();
    await startRecorded({
      record: this.#record,
      note: { port, spec: spec.hash },
      command: spec.command,
      arguments: spec.arguments(port),
      environment: spec.environment,
      folder: this.#folder,
      outputFile: this.logFile,
      errorFile: this.logFile,
      onExit: ({ status, signal }) => {
        this.#exit = signal === null ? `exit status ${status}` : signal;
        this.#hooks.exited();
      },
    });
    this.#presence = await presenceOf(this.#record);
    this.#log.info({ replica: this.id, port }, 'replica started');
  }

  async #end(action: ReplicaAction & { do: 'end' }): Promise<void> {
    const ranMs = Date.now() - this.#startedAt;
    this.#ending = true;
    this.#hooks.ending();
    await endRecorded(this.#record, this.#graceMs).finally(() => {
      this.#ending = false;
    });
    this.#presence = 'none';
    this.#healthy = false;
    this.#startedFrom = undefined;
    if (action.failed === false) {
      this.#notBefore = 0;
      return;
    }
    // Ten minutes of service clear the count, as kubelets do it.
    this.#failures = ranMs > 600_000 ? 1 : this.#failures + 1;
    this.#restarts++;
    this.#notBefore = Date.now() + backOffMs(this.#failures);
    this.#reason = { code: codes[action.failed], message: await this.#describe(action.failed) };
    this.#log.warn({ replica: this.id, reason: this.#reason.message }, 'replica ended');
  }

  async #describe(failed: keyof typeof codes): Promise<string> {
    const last = (await lastLines(this.logFile, 3))
      .map((line) => line.trim())
      .filter(Boolean)
      .join(' | ')
      .slice(0, 400);
    const said = last === '' ? 'It wrote nothing.' : `Its last words: ${last}`;
    if (failed === 'exited') return `The engine ended by itself (${this.#exit ?? 'while EcoLink was down'}). ${said}`;
    if (failed === 'start_timeout') return `The engine was not healthy in time and was ended. ${said}`;
    return `The engine stopped answering and was ended. ${said}`;
  }

  /** Engines write for months; they hold the file open for appending, so it is cut in place. */
  async #trimLog(): Promise<void> {
    const size = await stat(this.logFile).then(
      (found) => found.size,
      () => 0,
    );
    if (size > logLimitBytes) await truncate(this.logFile, 0);
  }
}

const codes = {
  exited: 'engine_exited',
  start_timeout: 'engine_start_timeout',
  unresponsive: 'engine_unresponsive',
} as const;

/** Whether the health path answers with 2xx. Plain `node:http` without an agent: a kept connection would hide a dead server. */
function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: healthTimeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

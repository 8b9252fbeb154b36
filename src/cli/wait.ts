import { setTimeout as pause } from 'node:timers/promises';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { pullFailures } from '../core/download/manifest.ts';
import { plainText, progressBar } from '../core/base/format.ts';
import type { InstanceState } from '../core/instances/states.ts';
import type { Operation } from '../core/operation/operation.ts';
import type { Progress, Reason } from '../core/base/reason.ts';
import { program } from './names.ts';
import type { Terminal } from './output/terminal.ts';
import type { Call } from './choose-server.ts';

/** Where `--wait` ends for each mutation of an instance; the others have no such flag. */
const goals: Record<string, InstanceState> = {
  launch_instance: 'running',
  restart_instance: 'running',
  scale_instance: 'running',
  stop_instance: 'stopped',
};

export function waitsFor(operation: Operation): InstanceState | undefined {
  return goals[operation.name];
}

/** The least time between two looks. */
const paceMs = 500;

/** The part of `get_instance`'s output that waiting looks at. */
export interface Watched {
  id: number;
  state: InstanceState;
  replicas: number;
  ready: number;
  regions: {
    region: string;
    state: InstanceState;
    replicas: number;
    ready: number;
    progress?: Progress;
    reason?: Reason;
  }[];
}

/** Follows an instance to its goal and answers with `get_instance`'s last output. Throws what stopped it from getting there. */
export async function waitFor(goal: InstanceState, instance: number, call: Call, terminal: Terminal) {
  const line = createProgressLine(terminal);
  try {
    for (;;) {
      const asked = performance.now();
      // A second at a time on a terminal, where bytes are shown as they move.
      const output = await call('get_instance', { instance: String(instance), wait_seconds: terminal.live ? 1 : 10 });
      const watched = output as unknown as Watched;
      const failure = failureOf(watched, goal);
      if (failure) throw failure;
      line.show(progressText(watched));
      if (reached(watched, goal)) return output;
      // On a state that counts as settled (running, with a replica to come) the call above answers at once.
      await pause(Math.max(0, paceMs - (performance.now() - asked)));
    }
  } finally {
    line.end();
  }
}

export function reached(watched: Watched, goal: InstanceState): boolean {
  return watched.state === goal && (goal !== 'running' || watched.ready >= watched.replicas);
}

/** Undefined while there is hope: a region that still works on it may yet arrive. */
export function failureOf(watched: Watched, goal: InstanceState): EcolinkError | undefined {
  const failed = watched.regions.find((region) => region.state === 'failed');
  const moving = watched.regions.some((region) => region.state !== 'failed' && region.state !== goal);
  if (watched.state === 'failed' || (failed && !moving))
    return failed?.reason ? failedFor(watched, failed.reason) : failedFor(watched);
  if (watched.state !== 'stopped' || goal === 'stopped') return undefined;
  return fail('instance_stopped', `Instance ${watched.id} was stopped meanwhile.`, {
    nextStep: `Start it again with: ${program} restart-instance ${watched.id}`,
  });
}

function failedFor(
  watched: Watched,
  reason: Reason = { code: 'instance_failed', message: 'It failed and gave no reason.' },
) {
  return new EcolinkError('unexpected', reason.code, `Instance ${watched.id} failed: ${plainText(reason.message)}`, {
    nextStep: nextStepAfter(reason.code, watched.id),
  });
}

/** Where the download failed no engine has run yet, and none wrote anything. */
function nextStepAfter(code: string, instance: number): string {
  const again = `then: ${program} restart-instance ${instance}`;
  if (code === 'no_space')
    return `Make room: ${program} list-cache shows what lies there, ${program} evict-cache frees it; ${again}`;
  if (code === 'interrupted' || Object.hasOwn(pullFailures, code)) return `Correct what it names, ${again}`;
  return `Look at what its engine wrote: ${program} get-instance-logs ${instance}`;
}

export function progressText(watched: Watched): string {
  const regions = watched.regions.map((region) => {
    const name = watched.regions.length > 1 ? `${plainText(region.region)} ` : '';
    if (region.progress) return `${name}${region.state} ${progressBar(region.progress)}`;
    const count = region.replicas > 1 ? ` ${region.ready}/${region.replicas}` : '';
    return `${name}${region.state}${count}${region.reason ? `: ${plainText(region.reason.message)}` : ''}`;
  });
  return `instance ${watched.id}  ${regions.join('  |  ')}`;
}

/** One line that is rewritten on a terminal; elsewhere a line for every change of what is not a figure. */
function createProgressLine(terminal: Terminal) {
  let last = '';
  return {
    show(text: string): void {
      if (terminal.live) terminal.rewrite(text);
      else if (withoutFigures(text) !== withoutFigures(last)) terminal.err(text);
      last = text;
    },
    end(): void {
      if (terminal.live && last !== '') terminal.err('');
    },
  };
}

function withoutFigures(text: string): string {
  return text.replace(/\[[#-]+\].*/, '');
}

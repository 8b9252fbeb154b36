import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from '../client/client.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { plainText, progressBar } from '../core/base/format.ts';
import { run, say } from '../core/base/prose.ts';
import type { Prose } from '../core/base/prose.ts';
import type { Reason } from '../core/base/reason.ts';
import type { Operation } from '../core/operation/operation.ts';
import type { OutputOf } from '../core/operations/catalogue.ts';
import { followed } from './interruption.ts';
import { program, quote } from './names.ts';
import type { Terminal } from './output/terminal.ts';

type Instance = OutputOf<'get_instance'>;
/** The parts that waiting looks at. */
export type WatchedInstance = Pick<Instance, 'id' | 'state' | 'replicas' | 'ready'> & {
  regions: Pick<Instance['regions'][number], 'region' | 'state' | 'replicas' | 'ready' | 'progress' | 'reason'>[];
};
type Goal = NonNullable<Operation['waitsFor']>;

/** The least time between two calls. */
const intervalMs = 500;

/** Follows an instance to its goal and returns its last output. Throws why it cannot get there, and `Interrupted`. */
export function waitFor(goal: Goal, instance: number | string, call: Call, terminal: Terminal): Promise<Instance> {
  const again = `${program} wait ${quote(String(instance))}${goal === 'running' ? '' : ` --for ${goal}`}`;
  const goesOn = `Instance ${instance} goes on without this command. Follow it again: ${again}`;
  return followed(goesOn, (signal) => follow(goal, instance, call, terminal, signal));
}

async function follow(
  goal: Goal,
  instance: number | string,
  call: Call,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Instance> {
  const line = createProgressLine(terminal);
  try {
    for (;;) {
      const asked = performance.now();
      // One second on a terminal, which shows the bytes as they arrive.
      const input = { instance: String(instance), wait_seconds: terminal.live ? 1 : 10 };
      const output = await call('get_instance', input, { signal });
      const failure = failureOf(output, goal);
      if (failure) throw failure;
      line.show(progressText(output));
      if (isAtGoal(output, goal)) return output;
      // The call returns at once if the state is settled: running, but with a replica to come.
      await pause(Math.max(0, intervalMs - (performance.now() - asked)), undefined, { signal });
    }
  } finally {
    line.end();
  }
}

export function isAtGoal({ state, ready, replicas }: WatchedInstance, goal: Goal): boolean {
  return state === goal && (goal !== 'running' || ready >= replicas);
}

/** Undefined while a region may still get there. */
export function failureOf(instance: WatchedInstance, goal: Goal): EcolinkError | undefined {
  const { id, state, regions } = instance;
  const failed = regions.find((region) => region.state === 'failed');
  const moving = regions.some((region) => region.state !== 'failed' && region.state !== goal);
  if (state === 'failed' || (failed && !moving)) return instanceFailed(id, failed?.reason);
  if (state !== 'stopped' || goal === 'stopped') return undefined;
  return fail('instance_stopped', `Instance ${id} was stopped meanwhile.`, {
    nextStep: say`Start it again: ${run('restart_instance', { instance: id })}.`,
  });
}

const noReason: Reason = { code: 'instance_failed', message: 'It failed and gave no reason.' };

function instanceFailed(id: number, { code, message }: Reason = noReason): EcolinkError {
  return new EcolinkError('unexpected', code, `Instance ${id} failed: ${message}`, {
    nextStep: afterFailure(id, code),
  });
}

function afterFailure(instance: number, code: string): Prose {
  const restart = say`Then start it again: ${run('restart_instance', { instance })}.`;
  if (code === 'no_space')
    return say`Make room: ${run('list_cache')} shows the cached weights, ${run('evict_cache')} deletes them. ${restart}`;
  return say`Correct the cause. ${run('get_instance_logs', { instance })} shows the output of its engine, if one was started. ${restart}`;
}

export function progressText({ id, regions }: WatchedInstance): string {
  const texts = regions.map(({ region, state, progress, ready, replicas, reason }) => {
    const name = regions.length > 1 ? `${plainText(region)} ` : '';
    if (progress) return `${name}${state} ${progressBar(progress)}`;
    const count = replicas > 1 ? ` ${ready}/${replicas}` : '';
    return `${name}${state}${count}${reason ? `: ${plainText(reason.message)}` : ''}`;
  });
  return `instance ${id}  ${texts.join('  |  ')}`;
}

/** On a terminal, one line that is rewritten. Elsewhere, a new line whenever more than the figures change. */
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

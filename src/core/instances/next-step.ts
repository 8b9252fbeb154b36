import { formatBytes } from '../base/format.ts';
import { run, runNext, say, sentences, task } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import type { Progress, Reason } from '../base/reason.ts';
import { modelId } from './instance.ts';
import type { Instance } from './instance.ts';

/** A little less than hosts of assistants allow one call to take. */
const waitSeconds = 25;
/** Nobody is asked to poll for longer than this. */
const longestPolledSeconds = 300;

export interface Situation {
  instance: Instance;
  settled: boolean;
  /** Of the slowest download. */
  progress: Progress | undefined;
  call: { url: string } | undefined;
  failure: Failure | undefined;
}

export interface Failure extends Reason {
  region: string;
  next_step: Prose;
}

/** What to do about an instance in its state. */
export function nextStepOf(situation: Situation): Prose {
  const { instance, settled, call, failure } = situation;
  const { id, state } = instance;
  if (!settled) return sentences(onTheWay(situation), call ? alreadyAnswers(situation) : '');
  if (state === 'stopped') {
    const restart = run('restart_instance', { instance: id });
    return say`It is stopped. ${restart} brings it back under the same model id. ${run('delete_instance', { instance: id })} removes it.`;
  }
  return sentences(call ? howToCall(instance, call.url) : '', failure?.next_step ?? '', degradedOnly(situation));
}

function degradedOnly({ instance, failure }: Situation): Prose {
  if (instance.state !== 'degraded' || failure) return '';
  return say`Fewer replicas answer than were asked for. ${run('get_instance_logs', { instance: instance.id })} may say why.`;
}

function howToCall(instance: Instance, url: string): Prose {
  return say`It answers. Send requests to ${url} with model "${modelId(instance)}" and a token as "Authorization: Bearer". For a token, ${task('create_call_token')}.`;
}

function alreadyAnswers({ instance, call }: Situation): Prose {
  return say`${call?.url ?? ''} already answers for model "${modelId(instance)}".`;
}

/** Repeats the call while the wait is short. Otherwise it sends the reader back to their user. */
function onTheWay({ instance, progress }: Situation): Prose {
  const left = progress?.seconds_left ?? undefined;
  const follow = { instance: instance.id, wait_seconds: waitSeconds };
  if (left !== undefined && left > longestPolledSeconds) {
    const fetched = `${formatBytes(progress?.done ?? 0)} of ${formatBytes(progress?.total ?? 0)}`;
    return say`It fetches weights: ${fetched}. Say that this takes about ${Math.ceil(left / 60)} more minutes, and return then: ${run('get_instance', { instance: instance.id })}.`;
  }
  return say`It is on its way. Wait for the next change with ${runNext('get_instance', follow)}.`;
}

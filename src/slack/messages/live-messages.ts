import { WebAPIPlatformError } from '@slack/web-api';
import type { Caller } from '../../core/base/caller.ts';
import { isSettled } from '../../core/core.ts';
import type { Core } from '../../core/core.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { goneMessage, instanceMessage } from '../blocks/instance-blocks.ts';
import { workspaceOf } from '../connect/bots.ts';
import type { Bots } from '../connect/bots.ts';
import { post } from './post.ts';
import type { Destination, Posted } from './post.ts';
import type { SlackMessage } from '../blocks/text.ts';

export interface Pace {
  /** Milliseconds between two edits of one message. */
  perMessage: number;
  /** Milliseconds between any two edits: Slack counts `chat.update` per workspace, 50 a minute. */
  overall: number;
  /** Milliseconds after which a message is checked again without a change event. */
  atLeastEvery: number;
}

export const defaultPace: Pace = { perMessage: 3000, overall: 1300, atLeastEvery: 6000 };

export interface LiveMessages {
  /** Posts the instance's message and keeps it up to date until the instance has settled. */
  follow(instance: number, caller: Caller, destination: Destination): Promise<void>;
  close(): void;
}

interface Live extends Posted {
  instance: number;
  caller: Caller;
  /** The message as Slack has it, to send nothing twice. */
  shown: string;
  edited: number;
  due: number;
}

/** One message per launch, edited while the launch goes on. All messages share Slack's rate limit. */
export function createLiveMessages(core: Core, bots: Bots, pace: Pace = defaultPace): LiveMessages {
  const followed = new Set<Live>();
  // Slack may deliver a submission twice: it gets one message.
  const known = new Set<number>();
  let nextEdit = 0;
  let timer: NodeJS.Timeout | undefined;
  let busy = false;
  let closed = false;

  const unsubscribe = core.changes.subscribe(({ kind, id }) => {
    if (kind !== 'instance') return;
    for (const live of followed) {
      if (String(live.instance) === id) live.due = Math.min(live.due, live.edited + pace.perMessage);
    }
    schedule();
  });

  function schedule(): void {
    clearTimeout(timer);
    if (busy || closed || followed.size === 0) return;
    const due = Math.min(...[...followed].map((live) => live.due));
    timer = setTimeout(() => void turn(), Math.max(0, due - Date.now(), nextEdit - Date.now()));
    timer.unref();
  }

  async function turn(): Promise<void> {
    const next = [...followed].toSorted((a, b) => a.due - b.due)[0];
    if (!next || closed) return;
    busy = true;
    // A change during the read must make the message due again.
    next.due = Date.now() + pace.atLeastEvery;
    try {
      await refresh(next);
    } catch (thrown) {
      core.log.warn({ err: thrown, instance: next.instance }, 'the message of a launch could not be updated');
    } finally {
      busy = false;
      schedule();
    }
  }

  async function refresh(live: Live): Promise<void> {
    const { message, settled } = await read(core, live.instance, live.caller);
    const shown = JSON.stringify(message);
    if (shown !== live.shown) {
      live.edited = Date.now();
      nextEdit = live.edited + pace.overall;
      await edit(live, message);
      live.shown = shown;
    }
    if (settled) followed.delete(live);
  }

  async function edit(live: Live, message: SlackMessage): Promise<void> {
    try {
      const bot = await bots.of(workspaceOf(live.team));
      if (!bot) followed.delete(live);
      await bot?.client.chat.update({ channel: live.channel, ts: live.ts, ...message });
    } catch (thrown) {
      if (isGone(thrown)) followed.delete(live);
      throw thrown;
    }
  }

  return {
    async follow(instance, caller, destination) {
      if (known.has(instance)) return;
      known.add(instance);
      const { message, settled } = await read(core, instance, caller);
      const posted = await post(bots, destination, message);
      const now = Date.now();
      if (settled || closed || !posted) return;
      followed.add({
        instance,
        caller,
        ...posted,
        shown: JSON.stringify(message),
        edited: now,
        due: now + pace.perMessage,
      });
      schedule();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      unsubscribe();
      followed.clear();
    },
  };
}

async function read(
  core: Core,
  instance: number,
  caller: Caller,
): Promise<{ message: SlackMessage; settled: boolean }> {
  try {
    const found = await core.execute('get_instance', { instance }, caller);
    return { message: instanceMessage(found), settled: isSettled(found.state) };
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.kind === 'not_found')
      return { message: goneMessage(instance), settled: true };
    throw thrown;
  }
}

const goneErrors = new Set(['message_not_found', 'channel_not_found', 'cant_update_message', 'is_archived']);

/** True if somebody deleted the message or its channel. */
function isGone(thrown: unknown): boolean {
  return thrown instanceof WebAPIPlatformError && goneErrors.has(thrown.data.error);
}

import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { isSettled } from '../../core/instances/states.ts';
import { goneMessage, instanceMessage } from '../blocks/instance-blocks.ts';
import type { Instance } from '../blocks/instance-blocks.ts';
import { placeOf } from '../connect/bots.ts';
import type { Bots } from '../connect/bots.ts';
import { post } from './post.ts';
import type { Place, Posted } from './post.ts';
import type { SlackMessage } from '../blocks/text.ts';

export interface Pace {
  /** Milliseconds between two edits of one message. */
  perMessage: number;
  /** Milliseconds between any two edits: Slack counts `chat.update` per workspace, 50 a minute. */
  overall: number;
  /** Milliseconds after which a message is looked at again although nobody said that something changed. */
  atLeastEvery: number;
}

export const defaultPace: Pace = { perMessage: 3000, overall: 1300, atLeastEvery: 6000 };

export interface LiveMessages {
  /** Posts the instance's message and keeps it up to date until the instance has settled. */
  follow(instance: number, caller: Caller, place: Place): Promise<void>;
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

/** One message per launch, edited as the launch goes on; all of them share what Slack allows. */
export function createLiveMessages(core: Core, bots: Bots, pace: Pace = defaultPace): LiveMessages {
  const followed = new Set<Live>();
  // A submission that is delivered twice has one outcome, and gets one message.
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
    // What changes while we read must bring the message forward again.
    next.due = Date.now() + pace.atLeastEvery;
    try {
      await refresh(next);
    } catch (thrown) {
      core.log.warn({ err: thrown, instance: next.instance }, 'a launch message could not be brought up to date');
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
      const bot = await bots.of(placeOf(live.team));
      if (!bot) followed.delete(live);
      await bot?.client.chat.update({ channel: live.channel, ts: live.ts, ...message });
    } catch (thrown) {
      if (isGone(thrown)) followed.delete(live);
      throw thrown;
    }
  }

  return {
    async follow(instance, caller, place) {
      if (known.has(instance)) return;
      known.add(instance);
      const { message, settled } = await read(core, instance, caller);
      const posted = await post(bots, place, message);
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
    const found = (await core.execute('get_instance', { instance: String(instance) }, caller)) as Instance;
    return { message: instanceMessage(found), settled: isSettled(found.state) };
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.kind === 'not_found')
      return { message: goneMessage(instance), settled: true };
    throw thrown;
  }
}

/** Somebody deleted the message or its channel: there is nothing left to edit. */
function isGone(thrown: unknown): boolean {
  const code = (thrown as { data?: { error?: string } }).data?.error;
  return (
    code === 'message_not_found' ||
    code === 'channel_not_found' ||
    code === 'cant_update_message' ||
    code === 'is_archived'
  );
}

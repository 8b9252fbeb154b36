/** How often messages are sent and changed. */
export interface Pace {
  /** Milliseconds between two edits that show progress in one message. */
  perMessage: number;
  /** Milliseconds between any two such edits. Slack counts `chat.update` per workspace: 50 a minute. */
  overall: number;
  /** Milliseconds after which the subject of a message is read again without a change event. */
  atLeastEvery: number;
  /** Milliseconds between two posts in one channel. */
  posts: number;
}

/** Progress takes at most 40 of the 50 updates a minute. The others are for decisions. */
export const defaultPace: Pace = { perMessage: 3000, overall: 1500, atLeastEvery: 6000, posts: 1100 };

const updatesPerMinute = 50;
const minuteMs = 60_000;

export type Method = 'chat.postMessage' | 'chat.update';

export interface Call {
  method: Method;
  channel: string;
  /** True: it can wait for others. */
  isProgress: boolean;
}

/** The calls that Slack still takes in one workspace. */
export interface Budget {
  /** Milliseconds until the call may be made. */
  waitFor(call: Call, now: number): number;
  spend(call: Call, now: number): void;
  /** Slack said that it takes no call of this method for a while. */
  block(method: Method, until: number): void;
}

export function createBudget(pace: Pace): Budget {
  let updates: number[] = [];
  let lastProgress = -Infinity;
  const posts = new Map<string, number>();
  const blocked = new Map<Method, number>();

  const nextUpdate = (isProgress: boolean, now: number): number => {
    updates = updates.filter((at) => at > now - minuteMs);
    const oldest = updates.length < updatesPerMinute ? undefined : updates[0];
    const free = oldest === undefined ? now : oldest + minuteMs;
    return isProgress ? Math.max(free, lastProgress + pace.overall) : free;
  };
  return {
    waitFor({ method, channel, isProgress }, now) {
      const free =
        method === 'chat.update' ? nextUpdate(isProgress, now) : (posts.get(channel) ?? -Infinity) + pace.posts;
      return Math.max(0, free - now, (blocked.get(method) ?? 0) - now);
    },
    spend({ method, channel, isProgress }, now) {
      if (method === 'chat.postMessage') posts.set(channel, now);
      else updates.push(now);
      if (method === 'chat.update' && isProgress) lastProgress = now;
    },
    block: (method, until) => void blocked.set(method, until),
  };
}

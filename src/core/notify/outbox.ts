import { digestOf } from '../base/ids.ts';
import type { Store } from '../store/store.ts';
import {
  claimSender,
  deleteMessages,
  deleteOldMessages,
  insertMessages,
  isRecorded,
  liveSubjects,
  messagesAbout,
  refuseMessage,
  releaseSender,
  unsentMessages,
  unsentTeams,
  updateMessage,
} from './outbox-table.ts';
import type { MessageKey, OutboxMessage, Place, Topic } from './outbox-table.ts';

/** What is sent first. */
export const priorities = { outcome: 0, decision: 1, word: 2, progress: 3 } as const;

/** How long messages are kept after they were last sent. A click on an older one changes it no more. */
const keptMs = 30 * 24 * 3600_000;

export interface NewMessage extends MessageKey {
  /** Who gets it. There is one message for each subject, `about` and audience. */
  audience: string;
  /** Where it may go, best place first. */
  places: readonly Place[];
  priority: number;
  /** The content as JSON. */
  wanted: string;
  /** The message in whose thread it is. */
  thread?: number | undefined;
  /** True: it follows its subject until `want` ends that. */
  live?: boolean;
}

/**
 * Messages that a front end shows in another program: what should be shown where, and what is shown. It is stored, so
 * that a restart loses nothing and several servers send nothing twice. The front end sends.
 */
export interface Outbox {
  /** Adds messages that are not there yet. Returns how many were new. */
  add(messages: readonly NewMessage[]): Promise<number>;
  about(topic: Topic, subject: number): Promise<OutboxMessage[]>;
  /** Subjects with a message that follows them. */
  live(topic: Topic): Promise<number[]>;
  /** Sets what a message should show from now on. Does nothing if it should show that already. */
  want(message: OutboxMessage, content: string, how: { priority: number; live: boolean }): Promise<void>;
  /** Records a post that shows a subject and that nobody recorded: the answer of its post was lost. */
  adopt(key: MessageKey, post: { team: string; channel: string; ts: string }): Promise<void>;
  /** The post with this address shows an unknown content, because the click on it changed it. The outbox mends it later. */
  touched(channel: string, ts: string, key: MessageKey, mendAfterMs: number): Promise<void>;
  /** Workspaces that have something to be sent, now or later. */
  teams(): Promise<string[]>;
  /** What may be sent now, the most urgent first: progress, or all else. */
  due(team: string, isProgress: boolean, limit: number): Promise<OutboxMessage[]>;
  sent(message: OutboxMessage, post: { team: string; channel: string; ts: string; url?: string }): Promise<void>;
  /** Try again later. */
  later(message: OutboxMessage, error: string, waitMs: number): Promise<void>;
  /** Use the next place. Returns false if there is none. */
  nextPlace(message: OutboxMessage, error: string): Promise<boolean>;
  /** The error is about this message, and final. */
  refuse(message: OutboxMessage, error: string): Promise<void>;
  /** Forgets messages, so that the same can be told again. */
  forget(topic: Topic, about: string): Promise<void>;
  /** Deletes what was last sent long ago and follows nothing. */
  prune(): Promise<void>;
  /** Makes a server the only sender of a workspace for a while. */
  claim(team: string, holder: string, forMs: number): Promise<boolean>;
  release(holder: string): Promise<void>;
}

export function createOutbox({ store: { db }, now }: { store: Store; now: () => Date }): Outbox {
  const after = (ms: number): string => new Date(now().getTime() + ms).toISOString();
  return {
    add: (messages) => insertMessages(db, messages.map(rowOf)),
    about: (topic, subject) => messagesAbout(db, topic, subject),
    live: (topic) => liveSubjects(db, topic),
    async want(message, content, { priority, live }) {
      const hash = digestOf(content);
      if (message.wantedHash === hash && message.live === live) return;
      const update = { wanted: content, wanted_hash: hash, live: Number(live) };
      // News is sent at once, also if an earlier content failed.
      await updateMessage(db, message.id, { ...update, priority, retry_at: null });
    },
    async adopt(key, { team, channel, ts }) {
      if (await isRecorded(db, channel, ts)) return;
      const row = rowOf({ ...key, audience: copyOf(channel, ts), places: [], priority: priorities.word, wanted: '' });
      await insertMessages(db, [{ ...row, team, channel, ts, wanted: null, wanted_hash: null, shown_hash: '' }]);
    },
    async touched(channel, ts, { topic, subject }, mendAfterMs) {
      const found = (await messagesAbout(db, topic, subject)).find(
        (each) => each.channel === channel && each.ts === ts,
      );
      if (found) await updateMessage(db, found.id, { shown_hash: '', retry_at: after(mendAfterMs) });
    },
    teams: () => unsentTeams(db),
    due(team, isProgress, limit) {
      const { outcome: from, word: to, progress } = priorities;
      return unsentMessages(db, team, isProgress ? { from: progress, to: progress } : { from, to }, after(0), limit);
    },
    async sent({ id, wantedHash, url: before }, { team, channel, ts, url }) {
      const post = { team, channel, ts, url: url ?? before ?? null };
      await updateMessage(db, id, {
        ...post,
        shown_hash: wantedHash ?? '',
        failures: 0,
        retry_at: null,
        error: null,
        sent_at: after(0),
      });
    },
    async later({ id, failures }, error, waitMs) {
      await updateMessage(db, id, { failures: failures + 1, retry_at: after(waitMs), error });
    },
    async nextPlace({ id, place, places }, error) {
      const next = places[place + 1];
      if (!next) return false;
      await updateMessage(db, id, { place: place + 1, team: next.team, failures: 0, retry_at: null, error });
      return true;
    },
    refuse: ({ id }, error) => refuseMessage(db, id, error),
    forget: (topic, about) => deleteMessages(db, topic, about),
    prune: () => deleteOldMessages(db, after(-keptMs)),
    claim: (team, holder, forMs) => claimSender(db, { team, holder }, after(0), after(forMs)),
    release: (holder) => releaseSender(db, holder),
  };
}

function rowOf({ topic, subject, about, audience, places, priority, wanted, thread, live = false }: NewMessage) {
  return {
    topic,
    subject,
    about,
    audience,
    places: JSON.stringify(places),
    place: 0,
    team: places[0]?.team ?? '',
    thread: thread ?? null,
    priority,
    live: Number(live),
    wanted,
    wanted_hash: digestOf(wanted),
    state: 'open',
    failures: 0,
  } as const;
}

function copyOf(channel: string, ts: string): string {
  return `copy ${channel}/${ts}`;
}

import type { Insertable, Selectable } from 'kysely';
import { z } from 'zod';
import type { Database } from '../store/schema.ts';
import { readJsonColumn } from '../store/json-column.ts';
import type { Queries } from '../store/store.ts';

/** Whose message it is: an approval request, an instance, or a channel that does not work. */
export type Topic = Database['outbox']['topic']['__select__'];

/** What a message belongs to, and which of its messages it is. */
export interface MessageKey {
  topic: Topic;
  subject: number;
  about: string;
}

const placesSchema = z.array(z.object({ team: z.string(), to: z.string() }));

/** Where a message can go. `team`: the workspace or organisation, empty for the only one. `to`: a channel or an account. */
export type Place = z.output<typeof placesSchema>[number];

/** A message as the outbox keeps it. */
export interface OutboxMessage extends MessageKey {
  id: number;
  audience: string;
  places: Place[];
  place: number;
  team: string;
  /** The post in whose thread it is. */
  thread: { channel: string; ts: string } | undefined;
  priority: number;
  live: boolean;
  /** The content that should be shown, as the front end wrote it. */
  wanted: string | undefined;
  wantedHash: string | undefined;
  shownHash: string | undefined;
  channel: string | undefined;
  ts: string | undefined;
  url: string | undefined;
  state: 'open' | 'refused';
  failures: number;
  error: string | undefined;
  sentAt: string | undefined;
}

type Row = Selectable<Database['outbox']> & { thread_channel: string | null; thread_ts: string | null };

const open = (db: Queries) =>
  db
    .selectFrom('outbox')
    .leftJoin('outbox as parent', 'parent.id', 'outbox.thread')
    .selectAll('outbox')
    .select(['parent.channel as thread_channel', 'parent.ts as thread_ts']);

function messageOf(row: Row): OutboxMessage {
  const { thread_channel: channel, thread_ts: ts } = row;
  return {
    id: row.id,
    topic: row.topic,
    subject: row.subject,
    about: row.about,
    audience: row.audience,
    places: readJsonColumn(placesSchema, row.places) ?? [],
    place: row.place,
    team: row.team,
    thread: channel === null || ts === null ? undefined : { channel, ts },
    priority: row.priority,
    live: row.live === 1,
    wanted: row.wanted ?? undefined,
    wantedHash: row.wanted_hash ?? undefined,
    shownHash: row.shown_hash ?? undefined,
    channel: row.channel ?? undefined,
    ts: row.ts ?? undefined,
    url: row.url ?? undefined,
    state: row.state,
    failures: row.failures,
    error: row.error ?? undefined,
    sentAt: row.sent_at ?? undefined,
  };
}

/** Adds messages that are not there yet. Returns how many were new. */
export async function insertMessages(db: Queries, rows: Insertable<Database['outbox']>[]): Promise<number> {
  if (rows.length === 0) return 0;
  const added = await db
    .insertInto('outbox')
    .values(rows)
    .onConflict((on) => on.columns(['topic', 'subject', 'about', 'audience']).doNothing())
    .returning('id')
    .execute();
  return added.length;
}

export async function messagesAbout(db: Queries, topic: Topic, subject: number): Promise<OutboxMessage[]> {
  const found = await open(db)
    .where('outbox.topic', '=', topic)
    .where('outbox.subject', '=', subject)
    .orderBy('outbox.id')
    .execute();
  return found.map(messageOf);
}

/** Messages whose content is not shown yet, and that may be sent now: the most urgent first. */
export async function unsentMessages(
  db: Queries,
  team: string,
  { from, to }: { from: number; to: number },
  now: string,
  limit: number,
): Promise<OutboxMessage[]> {
  const found = await open(db)
    .where('outbox.team', '=', team)
    .where('outbox.state', '=', 'open')
    .where('outbox.priority', '>=', from)
    .where('outbox.priority', '<=', to)
    .where('outbox.wanted_hash', 'is not', null)
    .where((is) =>
      is.or([is('outbox.shown_hash', 'is', null), is('outbox.shown_hash', '<>', is.ref('outbox.wanted_hash'))]),
    )
    .where((is) => is.or([is('outbox.retry_at', 'is', null), is('outbox.retry_at', '<=', now)]))
    .where((is) => is.or([is('outbox.thread', 'is', null), is('parent.ts', 'is not', null)]))
    .orderBy('outbox.priority')
    .orderBy('outbox.id')
    .limit(limit)
    .execute();
  return found.map(messageOf);
}

/** The workspaces that have something to be sent, now or later. */
export async function unsentTeams(db: Queries): Promise<string[]> {
  const found = await db
    .selectFrom('outbox')
    .select('team')
    .distinct()
    .where('state', '=', 'open')
    .where('wanted_hash', 'is not', null)
    .where((is) => is.or([is('shown_hash', 'is', null), is('shown_hash', '<>', is.ref('wanted_hash'))]))
    .execute();
  return found.map(({ team }) => team);
}

/** The subjects of a topic that have a message that follows them. */
export async function liveSubjects(db: Queries, topic: Topic): Promise<number[]> {
  const found = await db
    .selectFrom('outbox')
    .select('subject')
    .distinct()
    .where('topic', '=', topic)
    .where('live', '=', 1)
    .where('state', '=', 'open')
    .execute();
  return found.map(({ subject }) => subject);
}

type Update = Partial<
  Pick<
    Selectable<Database['outbox']>,
    | 'wanted'
    | 'wanted_hash'
    | 'shown_hash'
    | 'priority'
    | 'live'
    | 'channel'
    | 'ts'
    | 'url'
    | 'team'
    | 'place'
    | 'state'
    | 'failures'
    | 'retry_at'
    | 'error'
    | 'sent_at'
  >
>;

export async function updateMessage(db: Queries, id: number, update: Update): Promise<void> {
  await db.updateTable('outbox').set(update).where('id', '=', id).execute();
}

/** A message that is refused for good. Replies in its thread are refused with it. */
export async function refuseMessage(db: Queries, id: number, error: string): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ state: 'refused', error })
    .where((is) => is.or([is('id', '=', id), is.and([is('thread', '=', id), is('ts', 'is', null)])]))
    .execute();
}

export async function isRecorded(db: Queries, channel: string, ts: string): Promise<boolean> {
  const found = await db
    .selectFrom('outbox')
    .select('id')
    .where('channel', '=', channel)
    .where('ts', '=', ts)
    .executeTakeFirst();
  return found !== undefined;
}

export async function deleteMessages(db: Queries, topic: Topic, about: string): Promise<void> {
  await db.deleteFrom('outbox').where('topic', '=', topic).where('about', '=', about).execute();
}

/**
 * Deletes messages that were last sent before a time and that follow nothing, replies before their posts. Messages of a
 * subject that is still followed stay: they tell what was told.
 */
export async function deleteOldMessages(db: Queries, before: string): Promise<void> {
  for (const isReply of [true, false]) {
    await db
      .deleteFrom('outbox')
      .where('sent_at', '<', before)
      .where('thread', isReply ? 'is not' : 'is', null)
      .where((is) =>
        is.not(
          is.exists(is.selectFrom('outbox as reply').select('reply.id').whereRef('reply.thread', '=', 'outbox.id')),
        ),
      )
      .where((is) =>
        is.not(
          is.exists(
            is
              .selectFrom('outbox as followed')
              .select('followed.id')
              .whereRef('followed.topic', '=', 'outbox.topic')
              .whereRef('followed.subject', '=', 'outbox.subject')
              .where('followed.live', '=', 1),
          ),
        ),
      )
      .execute();
  }
}

/** The address of the post that shows a request. */
export async function urlOfRequest(db: Queries, approval: number): Promise<string | undefined> {
  const found = await db
    .selectFrom('outbox')
    .select('url')
    .where('topic', '=', 'approval')
    .where('subject', '=', approval)
    .where('about', '=', 'request')
    .where('url', 'is not', null)
    .orderBy('id')
    .executeTakeFirst();
  return found?.url ?? undefined;
}

/** True if every message that shows the request is posted or refused. False if there is none. */
export async function isRequestShown(db: Queries, approval: number): Promise<boolean> {
  const found = await db
    .selectFrom('outbox')
    .select(['ts', 'state'])
    .where('topic', '=', 'approval')
    .where('subject', '=', approval)
    .where('about', '=', 'request')
    .execute();
  return found.length > 0 && found.every(({ ts, state }) => ts !== null || state === 'refused');
}

/**
 * Makes a server the only sender of a workspace until a time. Returns false if another server is. The sender's budget
 * is in its memory, so the next sender begins when this time has passed.
 */
export async function claimSender(
  db: Queries,
  { team, holder }: { team: string; holder: string },
  now: string,
  until: string,
): Promise<boolean> {
  const claimed = await db
    .insertInto('leases')
    .values({ key: `outbox ${team}`, holder, epoch: 1, expires_at: until })
    .onConflict((on) =>
      on
        .column('key')
        .doUpdateSet({ holder, expires_at: until })
        .where((is) => is.or([is('leases.holder', '=', holder), is('leases.expires_at', '<', now)])),
    )
    .returning('key')
    .executeTakeFirst();
  return claimed !== undefined;
}

export async function releaseSender(db: Queries, holder: string): Promise<void> {
  await db.deleteFrom('leases').where('key', 'like', 'outbox %').where('holder', '=', holder).execute();
}

import { priorities } from '../../core/core.ts';
import type { Core, NewMessage, OutboxMessage, Place } from '../../core/core.ts';
import { cardMessage, endMessage, failureMessage, hiddenMessage } from '../blocks/card-blocks.ts';
import type { Card } from '../blocks/card-blocks.ts';
import { goneMessage } from '../blocks/instance-blocks.ts';
import type { Caller } from '../../core/base/caller.ts';
import type { Bots } from '../connect/bots.ts';
import { writeContent } from '../outbox/content.ts';
import type { Pace } from '../outbox/budget.ts';
import type { Destination } from './post.ts';
import { isChannel, placeOfChannel, placesOfIdentities, placesOfPerson } from '../outbox/places.ts';

/** The living cards of instances: stored, and kept true until the instance is stopped, also after a restart. */
export interface Cards {
  /** Gives an instance its card, if it has none. A private one goes to its owner, whatever channel is wanted. */
  follow(instance: number, launcher: Pick<Caller, 'identity'>, destination: Destination): Promise<void>;
  /** Reads the instance again. Does nothing if it has no card. */
  refresh(instance: number): Promise<void>;
  close(): Promise<void>;
}

interface Deps {
  core: Core;
  bots: Bots;
  pace: Pace;
  wake: () => void;
}

const card = 'card';
/** The audience of a card for its owner alone. */
const toOwner = 'owner';
/** The audience of a card in a channel. */
const toChannel = 'channel';

export function createCards(deps: Deps): Cards {
  const { core, bots, pace } = deps;
  const timers = new Map<number, NodeJS.Timeout>();
  const read = new Map<number, number>();
  let work = Promise.resolve();
  let closed = false;

  const refresh = (instance: number): Promise<void> => {
    clearTimeout(timers.get(instance));
    timers.delete(instance);
    if (closed) return work;
    read.set(instance, Date.now());
    // One after the other: a slow database gets no pile of reads.
    work = work
      .then(() => show(deps, instance))
      .catch((thrown: unknown) => core.log.warn({ err: thrown, instance }, 'a card could not be brought up to date'));
    return work;
  };
  /** News comes many times a second. One read per edit is enough. */
  const soon = (instance: number): void => {
    if (closed || timers.has(instance)) return;
    const wait = Math.max(0, (read.get(instance) ?? 0) + pace.perMessage - Date.now());
    timers.set(instance, setTimeout(() => void refresh(instance), wait).unref());
  };
  const unsubscribe = core.changes.subscribe(({ kind, id }) => {
    if (kind === 'instance') soon(Number(id));
  });
  const poll = async (): Promise<void> => {
    const live = await core.outbox.live('instance');
    for (const instance of read.keys()) if (!live.includes(instance) && !timers.has(instance)) read.delete(instance);
    for (const instance of live) await refresh(instance);
  };
  const look = (): void => {
    poll().catch((thrown: unknown) => core.log.warn({ err: thrown }, 'cards could not be read'));
  };
  look();
  const timer = setInterval(look, pace.atLeastEvery).unref();
  return {
    async follow(instance, launcher, { at, channel }) {
      const view = await core.viewInstance(instance);
      const isThere = (await core.outbox.about('instance', instance)).some(({ about }) => about === card);
      const place = channel === undefined ? undefined : placeOfChannel(bots, channel, at);
      if (view && !isThere) await core.outbox.add(await newCards(deps, view, place, launcher.identity));
      await refresh(instance);
    },
    refresh,
    async close() {
      closed = true;
      clearInterval(timer);
      for (const each of timers.values()) clearTimeout(each);
      unsubscribe();
      await work;
    },
  };
}

/** In the channel, or to the owner if the channel does not work. What is private goes to its owner only. */
async function newCards({ core }: Deps, view: Card, place?: Place, identity?: string): Promise<NewMessage[]> {
  const identities = await core.access.identitiesOf(view.owner_id);
  // The account that launched it comes first.
  const owners = placesOfIdentities(identities.toSorted((a, b) => Number(b === identity) - Number(a === identity)));
  const inChannel = place !== undefined && !view.private;
  const places = inChannel ? [place, ...owners] : owners;
  if (places.length === 0) return [];
  const audience = inChannel ? toChannel : toOwner;
  const owner = ownerAt(owners, places[0]?.team ?? '');
  const wanted = writeContent(cardMessage(view, { owner, now: new Date() }));
  return [{ ...keyOf(view.id, card), audience, places, priority: priorities.word, wanted, live: true }];
}

function keyOf(instance: number, about: string) {
  return { topic: 'instance', subject: instance, about } as const;
}

function ownerAt(owners: readonly Place[], team: string): string | undefined {
  return owners.find((place) => place.team === team)?.to;
}

async function show(deps: Deps, instance: number): Promise<void> {
  const { core, wake } = deps;
  const messages = await core.outbox.about('instance', instance);
  const cards = messages.filter(({ about }) => about === card);
  if (cards.length === 0) return;
  const view = await core.viewInstance(instance);
  const owners = view ? await placesOfPerson(core, view.owner_id) : [];
  for (const message of cards) await showCard(deps, message, view, owners);
  if (view?.private && cards.every(isOpenToOthers)) await core.outbox.add(await newCards(deps, view));
  if (view) await core.outbox.add(cards.flatMap((message) => wordsInThread(view, message, owners)));
  wake();
}

async function showCard({ core }: Deps, message: OutboxMessage, view: Card | undefined, owners: readonly Place[]) {
  const want = (content: Parameters<typeof writeContent>[0], priority: number, live: boolean): Promise<void> =>
    core.outbox.want(message, writeContent(content), { priority, live });
  if (!view) return want(goneMessage(message.subject), priorities.word, false);
  if (view.private && isOpenToOthers(message)) return want(hiddenMessage(view.id), priorities.decision, false);
  const isOver = view.state === 'stopped' && view.desired === 'stopped';
  const content = cardMessage(view, { owner: ownerAt(owners, message.team), now: new Date() });
  // The first post and the end are news. All else may wait.
  const isNews = isOver || message.ts === undefined || view.state === 'failed';
  return want(content, isNews ? priorities.word : priorities.progress, !isOver);
}

/** True if more people than the owner read the message. */
function isOpenToOthers({ channel, places, place }: OutboxMessage): boolean {
  return isChannel(channel ?? places[place]?.to ?? '');
}

/** The owner hears of a failure and of the end in the thread, once for each start. */
function wordsInThread(view: Card, message: OutboxMessage, owners: readonly Place[]): NewMessage[] {
  const { id, state, desired, generation } = view;
  const place = { team: message.team, to: message.channel ?? '' };
  if (message.channel === undefined || (view.private && isOpenToOthers(message))) return [];
  const owner = isOpenToOthers(message) ? ownerAt(owners, message.team) : undefined;
  const word = (about: string, content: ReturnType<typeof failureMessage>): NewMessage => ({
    ...keyOf(id, `${about} ${generation}`),
    audience: message.audience,
    places: [place],
    priority: priorities.word,
    wanted: writeContent(content),
    thread: message.id,
  });
  if (state === 'failed') return [word('failed', failureMessage(view, owner))];
  if (state === 'stopped' && desired === 'stopped') return [word('ended', endMessage(view, owner, new Date()))];
  return [];
}

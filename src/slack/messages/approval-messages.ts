import { isOver, priorities } from '../../core/core.ts';
import type { Core, NewMessage, OutboxMessage, Place } from '../../core/core.ts';
import {
  alarmMessage,
  approvalMessage,
  brokenChannelMessage,
  outcomeMessage,
  reminderMessage,
  voteMessage,
} from '../blocks/approval-blocks.ts';
import type { Approval, RequestAudience } from '../blocks/approval-blocks.ts';
import type { SlackMessage } from '../blocks/text.ts';
import type { Bots } from '../connect/bots.ts';
import { writeContent } from '../outbox/content.ts';
import type { Content } from '../outbox/content.ts';
import type { SenderEvents } from '../outbox/sender.ts';
import { isChannel, namesIn, placeOf, placeOfChannel, placesOfPerson } from '../outbox/places.ts';
import { accountOf } from '../workspace/people.ts';
import type { Cards } from './cards.ts';

export interface ApprovalMessages extends SenderEvents {
  /** Writes what the messages of a request show now, and which there are, into the outbox. */
  refresh(id: number): Promise<void>;
  close(): Promise<void>;
}

/** How often to look for changes that another server or process made. */
const pollMs = 5000;
/** How many approvers get a direct message. The others see the request in their lists. */
const mostApprovers = 10;

const request = 'request';
const inChannel = 'channel';

interface Deps {
  core: Core;
  bots: Bots;
  cards: Cards;
  wake: () => void;
}

interface State extends Deps {
  /** Requests by the instance that they made, to link them to its card. */
  made: Map<number, number>;
}

/** Shows every request to its approvers, and updates the messages wherever somebody decides. */
export function createApprovalMessages(deps: Deps): ApprovalMessages {
  const { core } = deps;
  const state: State = { ...deps, made: new Map() };
  /** Work on one request runs one after the other, so that an old content is not written last. */
  const turns = new Map<number, Promise<void>>();
  let followed = Promise.resolve();
  let closed = false;

  const refresh = (id: number): Promise<void> => {
    const turn = (turns.get(id) ?? Promise.resolve()).then(() => (closed ? undefined : show(state, id)));
    const kept = turn.catch((thrown: unknown) =>
      core.log.warn({ err: thrown, approval: id }, 'the message of a request could not be updated'),
    );
    turns.set(id, kept);
    void kept.then(() => (turns.get(id) === kept ? turns.delete(id) : undefined));
    return kept;
  };
  const poll = async (): Promise<void> => {
    await core.approvals.remind((id, at) => remind(state, id, at));
    for (const id of await core.approvals.unsettled()) await refresh(id);
  };
  const look = (): void => {
    poll().catch((thrown: unknown) => core.log.warn({ err: thrown }, 'requests could not be read'));
  };
  const unsubscribe = core.changes.subscribe(({ kind, id }) => {
    if (kind === 'approval') void refresh(Number(id));
  });
  const leave = core.approvals.showIn('Slack');
  look();
  const timer = setInterval(look, pollMs);
  timer.unref();
  return {
    refresh,
    posted(message) {
      const place = message.places[message.place];
      if (place) followed = followed.then(() => forgetBroken(state, place));
      const { topic, subject, about } = message;
      // A request links to the card of the instance that came of it. Its votes are in its thread.
      const id = topic === 'approval' && about === request ? subject : state.made.get(subject);
      if (id !== undefined && (topic === 'approval' ? about === request : about === 'card')) void refresh(id);
    },
    placeRefused(message, place, error) {
      tellAdmin(state, place, error).catch((thrown: unknown) =>
        core.log.warn({ err: thrown, channel: place.to }, 'no admin could be told of a channel that does not work'),
      );
      if (message.topic === 'approval') void refresh(message.subject);
    },
    async close() {
      closed = true;
      leave();
      clearInterval(timer);
      unsubscribe();
      await Promise.all(turns.values());
      await followed;
    },
  };
}

async function show(state: State, id: number): Promise<void> {
  const { core, wake } = state;
  const { approvals } = core;
  const approval = await approvals.view(id);
  if (!approval) return;
  if (approval.state === 'pending') await approvals.once(id, 'asked', () => announce(state, approval));
  const messages = (await core.outbox.about('approval', id)).filter(({ about }) => about === request);
  if (approval.state === 'pending' && messages.some(isRefusedChannel)) await askDirectly(state, approval);
  const cardUrl = await urlOfCard(core, approval);
  for (const message of messages) await update(state, approval, message, cardUrl);
  if (approval.broken_glass) await approvals.once(id, 'broken_glass', () => alarm(state, approval));
  // Last, and once: until then this server or another looks at the request again.
  if (isOver(approval.state)) await approvals.once(id, 'ended', () => tellRequester(state, approval));
  wake();
}

function isRefusedChannel({ audience, state }: OutboxMessage): boolean {
  return audience === inChannel && state === 'refused';
}

function keyOf(approval: Approval, about: string) {
  return { topic: 'approval', subject: approval.id, about } as const;
}

/** The final outcome goes out before new requests. */
async function update(
  { core }: State,
  approval: Approval,
  message: OutboxMessage,
  cardUrl: string | undefined,
): Promise<void> {
  const audience = { ...(await audienceOf(core, message.team, approval)), cardUrl };
  const content = writeContent(approvalMessage(approval, audience));
  const priority = approval.state === 'pending' ? priorities.decision : priorities.outcome;
  await core.outbox.want(message, content, { priority, live: false });
  if (message.audience !== inChannel || message.ts === undefined) return;
  const votes = approval.votes.map((vote) =>
    replyTo(message, `vote of ${vote.person}`, voteMessage(approval, vote, audience)),
  );
  await core.outbox.add(votes);
}

/** A message in the thread of a post. */
function replyTo(post: OutboxMessage, about: string, content: Content): NewMessage {
  return {
    topic: post.topic,
    subject: post.subject,
    about,
    audience: post.audience,
    places: [{ team: post.team, to: post.channel ?? '' }],
    priority: priorities.word,
    wanted: writeContent(content),
    thread: post.id,
  };
}

async function audienceOf(core: Core, team: string, approval: Approval): Promise<RequestAudience> {
  const people = [approval.requester, ...approval.approvers, ...approval.votes.map(({ person }) => person)];
  return namesIn(core, team, [...new Set(people)]);
}

/** Posts to the channel. Without a channel, or for a private request, it writes to approvers. */
async function announce(state: State, approval: Approval): Promise<void> {
  const { core, bots } = state;
  const { channel } = core.config.slack;
  if (channel === undefined || approval.private) return askDirectly(state, approval);
  const [first] = await placesOfPeople(core, approval.approvers);
  const other = first ? { team: first.team } : accountOf(approval.identity);
  const place = placeOfChannel(bots, channel, other);
  await addTo(state, approval, { about: request, audience: inChannel, places: [place] }, (audience) =>
    approvalMessage(approval, audience),
  );
}

/** Asks the approvers who decided most recently. */
async function askDirectly(state: State, approval: Approval): Promise<void> {
  const { core } = state;
  const names = await core.approvals.mostRecentFirst(approval.approvers);
  const people = new Map((await membersNamed(core, names)).map((member) => [member.name, member.id]));
  let asked = 0;
  for (const name of names) {
    const id = people.get(name);
    const places = id === undefined ? [] : await placesOfPerson(core, id);
    if (id === undefined || places.length === 0 || asked === mostApprovers) continue;
    asked += 1;
    await addTo(state, approval, { about: request, audience: `person ${id}`, places }, (audience) =>
      approvalMessage(approval, audience),
    );
  }
}

/** Posts a new message to everybody concerned: Slack does not notify people of an edited one. */
async function alarm(state: State, approval: Approval): Promise<void> {
  const { core, bots } = state;
  const { channel } = core.config.slack;
  const content = (audience: RequestAudience): SlackMessage => alarmMessage(approval, audience);
  const about = 'broken glass';
  if (channel !== undefined && !approval.private) {
    const places = [placeOfChannel(bots, channel, accountOf(approval.identity))];
    await addTo(state, approval, { about, audience: inChannel, places }, content);
  }
  const admins = await core.access.membersOf({ roles: ['admin'] });
  const approvers = await membersNamed(core, approval.approvers);
  for (const id of new Set([...approvers, ...admins].map((person) => person.id))) {
    const places = await placesOfPerson(core, id);
    if (places.length > 0) await addTo(state, approval, { about, audience: `person ${id}`, places }, content);
  }
}

async function addTo(
  { core }: State,
  approval: Approval,
  message: { about: string; audience: string; places: readonly Place[] },
  content: (audience: RequestAudience) => SlackMessage,
): Promise<void> {
  const { about, audience, places } = message;
  const wanted = writeContent(content(await audienceOf(core, places[0]?.team ?? '', approval)));
  const priority = about === request ? priorities.decision : priorities.outcome;
  await core.outbox.add([{ ...keyOf(approval, about), audience, places, priority, wanted }]);
}

/** Replies to each post, and shows the reply in the channel too. After an escalation, more people are asked. */
async function remind(state: State, id: number, at: string): Promise<void> {
  const { core, wake } = state;
  const approval = await core.approvals.view(id);
  if (!approval) return;
  const posts = (await core.outbox.about('approval', id)).filter(({ about }) => about === request);
  if (!posts.some(({ audience, state: outcome }) => audience === inChannel && outcome === 'open'))
    await askDirectly(state, approval);
  for (const post of posts.filter(({ ts }) => ts !== undefined)) {
    const content = reminderMessage(approval, await audienceOf(core, post.team, approval));
    await core.outbox.add([replyTo(post, `reminder ${at}`, { ...content, reply_broadcast: true })]);
  }
  wake();
}

async function membersNamed({ access }: Core, names: readonly string[]) {
  return names.length === 0 ? [] : access.membersOf({ people: names });
}

async function placesOfPeople(core: Core, names: readonly string[]): Promise<Place[]> {
  const people = await membersNamed(core, names);
  return (await Promise.all(people.map(({ id }) => placesOfPerson(core, id)))).flat();
}

async function urlOfCard({ outbox }: Core, { instance }: Approval): Promise<string | undefined> {
  const messages = instance === undefined ? [] : await outbox.about('instance', instance);
  return messages.find(({ about, url }) => about === 'card' && url !== undefined)?.url;
}

/** Writes to the account that asked. For an agent or a command line: to the person's own account. */
async function tellRequester(state: State, approval: Approval): Promise<void> {
  const { core, cards } = state;
  const asked = accountOf(approval.identity);
  const places = asked ? [placeOf(asked)] : await placesOfPeople(core, [approval.requester]);
  if (places.length > 0) {
    const wanted = writeContent(outcomeMessage(approval, await audienceOf(core, places[0]?.team ?? '', approval)));
    const about = 'outcome';
    await core.outbox.add([
      { ...keyOf(approval, about), audience: 'requester', places, priority: priorities.decision, wanted },
    ]);
  }
  const { state: outcome, instance, operation } = approval;
  if (outcome !== 'done' || instance === undefined || operation !== 'launch_instance') return;
  state.made.set(instance, approval.id);
  const { channel } = core.config.slack;
  await cards.follow(instance, approval, { user: places[0]?.to ?? '', at: asked ?? {}, channel });
}

function aboutBroken({ team, to }: Place): string {
  return `broken ${team}/${to}`;
}

/** A post works in the channel again: the next time that it does not, an admin is told again. */
async function forgetBroken({ core }: State, place: Place): Promise<void> {
  if (!isChannel(place.to)) return;
  await core.outbox.forget('channel', aboutBroken(place)).catch((thrown: unknown) => {
    core.log.warn({ err: thrown }, 'the outbox could not forget that a channel did not work');
  });
}

/** Tells one admin once that the channel of the configuration does not work. */
async function tellAdmin({ core, bots, wake }: State, place: Place, error: string): Promise<void> {
  const { channel } = core.config.slack;
  if (channel === undefined || placeOfChannel(bots, channel).to !== place.to) return;
  const wanted = writeContent(brokenChannelMessage(place.to, error));
  for (const { id } of await core.access.membersOf({ roles: ['admin'] })) {
    const places = await placesOfPerson(core, id);
    if (places.length === 0) continue;
    const about = aboutBroken(place);
    await core.outbox.add([
      { topic: 'channel', subject: 0, about, audience: `person ${id}`, places, priority: priorities.word, wanted },
    ]);
    break;
  }
  wake();
}

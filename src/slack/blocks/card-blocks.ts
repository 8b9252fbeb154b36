import type { ActionsBlock, Button, KnownBlock, MrkdwnElement, PlainTextElement } from '@slack/types';
import type { Category } from '../../core/base/categories.ts';
import { formatDuration, progressBar } from '../../core/base/format.ts';
import { allows, isSettled } from '../../core/core.ts';
import type { ShownInstance } from '../../core/core.ts';
import { richBox } from './rich-text.ts';
import { code, escape, note, plain, section, sectionsOf, shorten, when } from './text.ts';
import type { SlackMessage } from './text.ts';
import { stateIcons } from './instance-blocks.ts';

export type Card = ShownInstance;

/** Further regions are only counted, so that a card stays inside Slack's limits. */
const regionsShown = 12;
/** Cells of the bar: a phone shows the line without wrapping. */
const barWidth = 12;

export const cardIds = {
  logs: 'card.logs',
  extend: 'ending.extend',
  restart: 'card.restart',
  stop: 'card.stop',
} as const;

/** Who reads the card: people of a channel, or its owner. */
export interface CardAudience {
  /** The owner's account in the workspace of the message. */
  owner: string | undefined;
  now: Date;
}

/** The living message of one instance: what it does, until when, what it costs, how to call it, and what can be done. */
export function cardMessage(card: Card, { owner, now }: CardAudience): SlackMessage {
  const ready = `${card.ready}/${card.replicas} ready`;
  const by = owner === undefined ? shorten(escape(card.owner), 200) : `<@${owner}>`;
  const failure = failureOf(card);
  return {
    text: `${escape(card.model_id)} is ${card.state} (${ready})`,
    blocks: [
      section(`${stateIcons[card.state]} *${shorten(escape(card.model_id), 200)}* is *${card.state}*`),
      ...sectionsOf(regionLines(card.regions)),
      ...(failure === undefined ? [] : [section(`:warning: ${shorten(escape(failure), 700)}`)]),
      { type: 'section', fields: fieldsOf(card, now) },
      ...(allows('call', card.state) ? howToCall(card) : []),
      ...buttonsOf(card),
      note(`Instance ${card.id} · ${shorten(escape(card.runtime), 100)} · launched by ${by}`),
    ],
  };
}

function regionLines(regions: Card['regions']): string[] {
  const lines = regions
    .slice(0, regionsShown)
    .map(({ region, state, ready, replicas, progress, restarts }) =>
      [
        `${stateIcons[state]} ${shorten(escape(region), 80)}: ${state}`,
        `${ready}/${replicas} ready`,
        ...(progress && !isSettled(state) ? [code(progressBar(progress, barWidth))] : []),
        ...(restarts > 0 ? [`restarted ${restarts === 1 ? 'once' : `${restarts} times`}`] : []),
      ].join(' · '),
    );
  const more = regions.length - regionsShown;
  return more > 0 ? [...lines, `… and ${more} more regions`] : lines;
}

/** The first sentence of the first failure. The thread has all. */
export function failureOf({ regions }: Pick<Card, 'regions'>): string | undefined {
  const failed = regions.find(({ state }) => state === 'failed') ?? regions.find(({ reason }) => reason !== undefined);
  const message = failed?.reason?.message;
  return message === undefined ? undefined : (/^.*?[.!?](?=\s|$)/s.exec(message)?.[0] ?? message);
}

function fieldsOf(card: Card, now: Date): (MrkdwnElement | PlainTextElement)[] {
  const { stop_at: stopAt, ended_at: endedAt } = card;
  const end =
    endedAt !== undefined
      ? `*Stopped*\n${when(endedAt)}`
      : `*Stops by itself*\n${stopAt === undefined ? 'never' : when(stopAt)}`;
  return [
    { type: 'mrkdwn', text: end },
    { type: 'mrkdwn', text: `*Cost since its start*\n${costOf(card, now)}` },
  ];
}

const quarterMs = 15 * 60_000;

/** In steps of a quarter of an hour, so that a card changes seldom. */
export function costOf({ started_at: from, ended_at: to, cost_per_hour: price }: Card, now: Date): string {
  if (price === null) return 'unknown, because a price is missing';
  if (price === 0) return 'none';
  const ms = Math.max(0, (to === undefined ? now.getTime() : Date.parse(to)) - Date.parse(from));
  const steps = Math.floor(ms / quarterMs);
  const after = to === undefined ? formatDuration((steps * quarterMs) / 1000) : formatDuration(ms / 1000);
  const cost = to === undefined ? (steps / 4) * price : (ms / 3_600_000) * price;
  return `${cost.toFixed(2)} after ${after} (${price.toFixed(2)} per hour)`;
}

/** The call of each category: its path and an example of its body. */
const calls: Record<Category, { path: string; body: (model: string) => object } | undefined> = {
  chat: {
    path: 'chat/completions',
    body: (model) => ({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  },
  embedding: { path: 'embeddings', body: (model) => ({ model, input: 'Hello' }) },
  reranker: { path: 'rerank', body: (model) => ({ model, query: 'Hello', documents: ['Hello', 'Bye'] }) },
  image: undefined,
  audio: undefined,
  video: undefined,
};

function howToCall({ url, model_id: model, category }: Card): KnownBlock[] {
  const call = calls[category];
  const token = `\`/ecolink token\` makes a token. Put it into ${code('ECOLINK_TOKEN')}.`;
  if (!call) return [section(`Call it with model ${code(model)} at ${code(url)}. ${token}`)];
  const curl = [
    `curl ${url}/${call.path} \\`,
    `  -H "Authorization: Bearer $ECOLINK_TOKEN" -H 'Content-Type: application/json' \\`,
    `  -d '${JSON.stringify(call.body(model))}'`,
  ].join('\n');
  return [section(`Call it with model ${code(model)}. ${token}`), richBox(curl)];
}

function buttonsOf(card: Card): ActionsBlock[] {
  const { state, id, model_id: name } = card;
  const button = (action_id: string, text: string, more: Partial<Button> = {}): Button => ({
    type: 'button',
    action_id,
    value: String(id),
    text: plain(text, 75),
    ...more,
  });
  const failed = state === 'failed' || state === 'stopped';
  const price = card.cost_per_hour === null ? 'The price is unknown.' : `It costs ${card.cost_per_hour} per hour.`;
  const restart = button(cardIds.restart, state === 'stopped' ? 'Start again' : 'Restart', {
    style: failed ? 'primary' : undefined,
    confirm: confirm(
      `Restart ${name}?`,
      failed ? `It starts again. ${price}` : 'Calls that run now fail. It answers again when it is ready.',
      'Restart',
    ),
  });
  const stop = button(cardIds.stop, 'Stop', {
    style: 'danger',
    confirm: confirm(`Stop ${name}?`, 'Calls to it fail from now on. Its weights stay cached.', 'Stop'),
  });
  const elements = [
    ...(failed && allows('restart', state) ? [restart] : []),
    ...(state === 'stopped' ? [] : [button(cardIds.logs, 'Logs')]),
    ...(allows('extend', state) ? [button(cardIds.extend, 'More time…')] : []),
    ...(!failed && allows('restart', state) ? [restart] : []),
    ...(allows('stop', state) ? [stop] : []),
  ];
  return elements.length === 0 ? [] : [{ type: 'actions', block_id: `card.${id}`, elements }];
}

function confirm(title: string, text: string, yes: string): NonNullable<Button['confirm']> {
  return { title: plain(title, 100), text: plain(text, 300), confirm: plain(yes, 30), deny: plain('Not now', 30) };
}

/** In the thread of the card, when it failed: every reason in full. */
export function failureMessage(card: Card, owner: string | undefined): SlackMessage {
  const to = owner === undefined ? '' : `<@${owner}>: `;
  const lines = card.regions.flatMap(({ region, reason }) =>
    reason === undefined ? [] : [`${shorten(escape(region), 80)}: ${shorten(escape(reason.message), 700)}`],
  );
  const text = `${to}*${escape(card.model_id)}* failed.`;
  return {
    text: `${to}${escape(card.model_id)} failed: ${shorten(escape(failureOf(card) ?? ''), 500)}`,
    blocks: [section(text), ...sectionsOf(lines.slice(0, regionsShown))],
  };
}

/** In the thread of the card, when it stopped. */
export function endMessage(card: Card, owner: string | undefined, now: Date): SlackMessage {
  const to = owner === undefined ? '' : `<@${owner}>: `;
  const text = `${to}*${escape(card.model_id)}* stopped. Cost since its start: ${costOf(card, now)}. Its weights stay cached.`;
  return { text: text.replaceAll('*', ''), blocks: [section(text)] };
}

/** In a channel, in place of the card of an instance that became private. */
export function hiddenMessage(instance: number): SlackMessage {
  const text = `Instance ${instance} is private now. Its owner follows it in a direct message.`;
  return { text, blocks: [section(`:lock: ${text}`)] };
}

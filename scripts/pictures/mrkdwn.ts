import { escapeHtml } from '../../src/core/base/format.ts';

/** The emoji that our texts use. Slack draws its own. */
const emoji: Readonly<Record<string, string>> = {
  alarm_clock: '⏰',
  arrow_down: '⬇️',
  hourglass_flowing_sand: '⏳',
  information_source: 'ℹ️',
  key: '🔑',
  large_green_circle: '🟢',
  large_yellow_circle: '🟡',
  lock: '🔒',
  no_entry: '⛔',
  pushpin: '📌',
  raised_hand: '✋',
  red_circle: '🔴',
  rotating_light: '🚨',
  warning: '⚠️',
  wave: '👋',
  white_check_mark: '✅',
  white_circle: '⚪',
};

/** The names behind the accounts of the sample data. */
const names: Readonly<Record<string, string>> = { U01ADA: 'ada', U02GRACE: 'grace', U03ALAN: 'alan' };

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

/** Slack's markup as HTML, as far as our texts use it. */
export function mrkdwnHtml(text: string): string {
  return text
    .split('```')
    .map((part, index) => (index % 2 === 1 ? `<pre>${part}</pre>` : inline(part)))
    .join('');
}

function inline(text: string): string {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `<code>${part}</code>` : marks(part)))
    .join('')
    .replaceAll('\n', '<br>');
}

function marks(text: string): string {
  return text
    .replaceAll(/<@(\w+)(?:\|[^>]*)?>/g, (_all, user: string) => `<a class="user">@${names[user] ?? user}</a>`)
    .replaceAll(/<!date\^(\d+)\^[^|]*\|[^>]*>/g, (_all, seconds: string) => moment.format(Number(seconds) * 1000))
    .replaceAll(/<(https?:[^|>]+)\|([^>]*)>/g, '<a class="link">$2</a>')
    .replaceAll(/(^|[\s(])\*([^*\n]+)\*/g, '$1<b>$2</b>')
    .replaceAll(/(^|[\s(])_([^_\n]+)_(?=$|[\s.,)])/g, '$1<i>$2</i>')
    .replaceAll(/:([a-z_]+):/g, (all, name: string) => emoji[name] ?? all);
}

export function plainHtml(text: string): string {
  return escapeHtml(text).replaceAll('\n', '<br>');
}

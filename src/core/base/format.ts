import type { Progress } from './reason.ts';

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, as on the Hub and on disks: `0 B`, `470 kB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '?';
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 rounds to 1000, so it takes the next unit.
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${shortNumber(value, unit === 0)} ${byteUnits[unit] ?? 'PB'}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** The two largest units: `2 s`, `1 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return twoUnits(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(whole / 3600);
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** How long ago, in one unit, for tables: `45s`, `5m`, `3h`, `12d`. A time after `now` (from another clock) is `0s`. */
export function formatAge(iso: string, now: Date | number): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  const seconds = Math.max(0, Math.floor((Number(now) - then) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** `[#####-----] 52 %  210 MB of 400 MB  95 MB/s  2 s left`, without unknown parts. `width` is the length of the bar. */
export function progressBar(progress: Progress, width = 20): string {
  const known = progress.total > 0;
  const share = known ? Math.min(1, Math.max(0, progress.done / progress.total)) : 0;
  const filled = Math.floor(share * width);
  const parts = [
    `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${known ? `${Math.floor(share * 100)} %` : '? %'}`,
    known ? `${formatBytes(progress.done)} of ${formatBytes(progress.total)}` : formatBytes(progress.done),
  ];
  if (progress.rate > 0 && share < 1) parts.push(formatRate(progress.rate));
  if (progress.seconds_left !== null && share < 1) parts.push(`${formatDuration(progress.seconds_left)} left`);
  return parts.join('  ');
}

/**
 * Makes text from outside (logs, names, repos) safe for a terminal. Removes escape sequences, control characters and
 * marks that change the direction of writing. Line breaks become spaces: one value stays on one line.
 */
export function plainText(text: string): string {
  return text
    .replace(escapeSequences, '')
    .replace(/[\t\n\r\u2028\u2029]+/g, ' ')
    .replace(controlCharacters, '');
}

/** The same for text of several lines, which stay. */
export function plainLines(text: string): string {
  return text.split('\n').map(plainText).join('\n');
}

// Whole CSI and OSC sequences, so that no `[31m` is left. A single ESC is removed with the control characters.
const escapeSequences = new RegExp(
  String.raw`(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)?`,
  'g',
);
const controlCharacters = new RegExp(
  String.raw`[\u0000-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]`,
  'g',
);

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes text for HTML, between tags or as the value of an attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}

function shortNumber(value: number, whole: boolean): string {
  return whole || value >= 9.95 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

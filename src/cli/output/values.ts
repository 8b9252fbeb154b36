import { z } from 'zod';
import { formatAge, formatBytes, formatDuration, plainText, progressBar } from '../../core/base/format.ts';

export type Row = Record<string, unknown>;

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The items of a list; other values are left out. */
export function rowsOf(value: unknown): Row[] {
  return Array.isArray(value) ? value.filter(isRow) : [];
}

/** A field's name as a heading, without its unit: `created_at` → `created`, `storage_free_bytes` → `storage free`. */
export function heading(name: string): string {
  const words = headings[name] ?? name.replace(/_(?:at|bytes|ms|seconds)$/, '');
  return plainText(words).replaceAll('_', ' ');
}

const headings: Record<string, string> = {
  bytes: 'size',
  at: 'when',
  bytes_to_fetch: 'to fetch',
  failure_code: 'reason',
};

/** A value as one line of text. The field's name says its unit: `bytes`, `_at`, `_seconds`, `_ms`. */
export function cell(name: string, value: unknown, now: number): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return numberCell(name, value);
  if (typeof value === 'string') return stringCell(name, value, now);
  if (Array.isArray(value)) return listCell(name, value, now);
  return isRow(value) ? rowCell(value, now) : plainText(JSON.stringify(value));
}

function numberCell(name: string, value: number): string {
  if (/(?:^|_)(?:bytes|size)$|^bytes_/.test(name)) return formatBytes(value);
  if (name.endsWith('_seconds')) return formatDuration(value);
  if (name.endsWith('_ms')) return `${value} ms`;
  if (name.endsWith('per_hour')) return value.toFixed(2);
  return String(value);
}

function stringCell(name: string, value: string, now: number): string {
  if (/(?:^|_)at$/.test(name)) return ageOrTime(value, now);
  return plainText(value);
}

/** A time in the future (`stop_at`) has no age. */
function ageOrTime(value: string, now: number): string {
  const then = Date.parse(value);
  if (Number.isNaN(then)) return plainText(value);
  return then > now + 5000 ? `in ${formatDuration((then - now) / 1000)}` : `${formatAge(value, now)} ago`;
}

/** Flags are shown as they are typed, without commas. */
function listCell(name: string, values: readonly unknown[], now: number): string {
  if (values.length === 0) return '-';
  const flags = values.some((value) => typeof value === 'string' && value.startsWith('-'));
  return values.map((value) => cell(name, value, now)).join(flags ? ' ' : ', ');
}

const progressShape = z.object({
  done: z.number(),
  total: z.number(),
  rate: z.number(),
  seconds_left: z.number().nullable(),
});
const reasonShape = z.object({ code: z.string(), message: z.string() });

/** The state first, then the other values that are not zero: `miss, to fetch 400 MB`. */
function rowCell(row: Row, now: number): string {
  const progress = progressShape.safeParse(row);
  if (progress.success) return progressBar(progress.data, 16);
  const reason = reasonShape.safeParse(row);
  if (reason.success) return plainText(`${reason.data.message} (${reason.data.code})`);
  const { state, ...rest } = row;
  const others = Object.entries(rest)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${heading(name)} ${cell(name, value, now)}`);
  return [...(state === undefined ? [] : [cell('state', state, now)]), ...others].join(', ');
}

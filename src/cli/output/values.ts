import { formatAge, formatBytes, formatDuration, plainText, progressBar } from '../../core/base/format.ts';
import type { Progress } from '../../core/base/reason.ts';

export type Row = Record<string, unknown>;

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field's name as a heading: what its unit says goes into the value. `created_at` → `created`, `storage_free_bytes` → `storage free`. */
export function heading(name: string): string {
  const words = headings[name] ?? name.replace(/_(?:at|bytes|ms|seconds)$/, '');
  return plainText(words).replaceAll('_', ' ');
}

const headings: Record<string, string> = { bytes: 'size', at: 'when', bytes_to_fetch: 'to fetch' };

/** A value as one line of text. Field names carry the unit (`bytes`, `_at`, `_seconds`, `_ms`), so no field is treated by its name alone. */
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

/** Times that lie ahead (`stop_at`) have no age. */
function ageOrTime(value: string, now: number): string {
  const then = Date.parse(value);
  if (Number.isNaN(then)) return plainText(value);
  return then > now + 5000 ? `in ${formatDuration((then - now) / 1000)}` : `${formatAge(value, now)} ago`;
}

/** Flags stand as they are typed. */
function listCell(name: string, values: readonly unknown[], now: number): string {
  if (values.length === 0) return '-';
  const flags = values.some((value) => typeof value === 'string' && value.startsWith('-'));
  return values.map((value) => cell(name, value, now)).join(flags ? ' ' : ', ');
}

/** Its state first, then what else is not zero: `miss, to fetch 400 MB`. */
function rowCell(row: Row, now: number): string {
  if (isProgress(row)) return progressBar(row, 16);
  if (isReason(row)) return plainText(`${row.message} (${row.code})`);
  const { state, ...rest } = row;
  const others = Object.entries(rest)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${heading(name)} ${cell(name, value, now)}`);
  return [...(state === undefined ? [] : [cell('state', state, now)]), ...others].join(', ');
}

function isProgress(row: Row): row is Row & Progress {
  return typeof row['done'] === 'number' && typeof row['total'] === 'number' && typeof row['rate'] === 'number';
}

function isReason(row: Row): row is { code: string; message: string } {
  return typeof row['code'] === 'string' && typeof row['message'] === 'string';
}

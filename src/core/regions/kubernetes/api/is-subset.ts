import { isRecord } from './is-record.ts';

/**
 * True if a live object still has everything that was rendered. Fields that the server or others added do not matter.
 * Lists of named things are matched by name, because an admission webhook may add to them. Pure.
 */
export function isSubset(rendered: unknown, live: unknown): boolean {
  if (Array.isArray(rendered)) return Array.isArray(live) && isListSubset(rendered, live);
  if (!isRecord(rendered)) return live === rendered;
  if (!isRecord(live)) return Object.keys(rendered).length === 0;
  return Object.entries(rendered).every(([name, value]) => value === undefined || isSubset(value, live[name]));
}

function isListSubset(rendered: readonly unknown[], live: readonly unknown[]): boolean {
  const names = rendered.map(nameOf);
  if (names.includes(undefined))
    return live.length === rendered.length && rendered.every((value, index) => isSubset(value, live[index]));
  return rendered.every((value, index) => live.some((each) => nameOf(each) === names[index] && isSubset(value, each)));
}

function nameOf(value: unknown): string | undefined {
  const name = isRecord(value) ? value['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

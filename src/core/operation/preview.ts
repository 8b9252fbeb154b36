import type { PreviewFacts } from '../policy/facts.ts';

/** What an operation would do, for approvers and for the policy. Made again at every vote and before the run. */
export interface Preview {
  /** The input with all defaults. This runs after approval. */
  input: Record<string, unknown>;
  /** Lines for people. They contain names from outside, so front ends must escape them. */
  summary: string[];
  /** What approvers rely on, by name. If a value differs later, that is drift. Nothing here changes by itself. */
  relied: Record<string, string>;
  /** A higher cost later is drift, a lower one is not. Null: the price is unknown. */
  costPerHour?: number | null;
  facts: PreviewFacts;
  /** True: it is about something that only its owner and admins see. */
  private?: boolean;
}

const riskMark = 'Risk: ';

/** A line of a summary that names a risk. Front ends show it first, and whole. */
export function riskLine(what: string, risk: string): string {
  return `${what}. ${riskMark}${risk}`;
}

export function namesRisk(line: string): boolean {
  return line.includes(`. ${riskMark}`);
}

/** The name under which a preview keeps the fingerprint of a folder. */
export const filesRelied = 'the content of the files';
/** Requests of older versions do not have these, and stay valid. */
const addedLater = new Set([filesRelied]);
const shownDigest = 12;

/** The differences in what was relied on, in words. */
export function driftBetween(then: Preview, now: Preview): string[] {
  const names = new Set([...Object.keys(then.relied), ...Object.keys(now.relied)]);
  const changed = [...names].flatMap((name) => {
    const [was, is] = [then.relied[name], now.relied[name]];
    if (was === is || isShortOf(was, is) || (was === undefined && addedLater.has(name))) return [];
    return [`${name} was ${shorten(was) ?? 'absent'} and is ${shorten(is) ?? 'gone'}`];
  });
  return [...changed, ...dearer(then.costPerHour, now.costPerHour)];
}

function shorten(value: string | undefined): string | undefined {
  return value !== undefined && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, shownDigest) : value;
}

/** Requests of older versions keep 16 digits of a hash that is whole now. */
function isShortOf(was: string | undefined, is: string | undefined): boolean {
  return (
    was !== undefined &&
    is !== undefined &&
    /^[0-9a-f]{16}$/.test(was) &&
    /^[0-9a-f]{64}$/.test(is) &&
    is.startsWith(was)
  );
}

function dearer(was: number | null | undefined, is: number | null | undefined): string[] {
  // An approval of an unknown price covers every price.
  if (was === null || was === undefined || is === undefined) return [];
  if (is !== null && is <= was) return [];
  return [`the price was ${was} per hour and is ${is ?? 'unknown'}`];
}

import type { PreviewFacts } from '../policy/facts.ts';

/** What an operation would do, for the people who decide and for the policy. Made again at every vote and before the run. */
export interface Preview {
  /** The input with every default filled in: what is run after approval. */
  input: Record<string, unknown>;
  /** For people, a line each. Names in it come from outside. */
  summary: string[];
  /** What an approver relies on, by what it is called: whatever differs later is drift. Nothing that changes by itself. */
  relied: Record<string, string>;
  /** May be less later, not more; null: the price is unknown. */
  costPerHour?: number | null;
  facts: PreviewFacts;
  /** True: it is about something that its owner and admins alone see. */
  private?: boolean;
}

/** What differs from what was relied on, in words; empty where nothing does. */
export function driftBetween(then: Preview, now: Preview): string[] {
  const names = new Set([...Object.keys(then.relied), ...Object.keys(now.relied)]);
  const changed = [...names].flatMap((name) => {
    const [was, is] = [then.relied[name], now.relied[name]];
    return was === is ? [] : [`${name} was ${was ?? 'absent'} and is ${is ?? 'gone'}`];
  });
  return [...changed, ...dearer(then.costPerHour, now.costPerHour)];
}

function dearer(was: number | null | undefined, is: number | null | undefined): string[] {
  // Who said yes to an unknown price said yes to every price.
  if (was === null || was === undefined || is === undefined) return [];
  if (is !== null && is <= was) return [];
  return [`the price was ${was} per hour and is ${is ?? 'unknown'}`];
}

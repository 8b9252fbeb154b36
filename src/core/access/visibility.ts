import { atLeast } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';

/** Private things exist for their owner and admins only. Other people get "not found", not "refused". */
export function mayRead(thing: { private: boolean; owner: string }, caller: Caller): boolean {
  return !thing.private || mayChange(thing, caller);
}

/** The things that the caller may read, and how many others there are. Without a caller, all are shown. */
export function visibleTo<T extends { private: boolean; owner: string }>(
  things: readonly T[],
  caller: Caller | undefined,
): { shown: T[]; hidden: number } {
  const shown = things.filter((thing) => caller === undefined || mayRead(thing, caller));
  return { shown, hidden: things.length - shown.length };
}

/** `3, 4, 1 private instance`. */
export function listWithHidden(shown: readonly string[], hidden: number): string {
  const rest = hidden === 0 ? [] : [`${hidden} private ${hidden === 1 ? 'instance' : 'instances'}`];
  return [...shown, ...rest].join(', ');
}

export function mayChange(thing: { owner: string }, caller: Caller): boolean {
  return thing.owner === caller.person.id || atLeast(caller.person.role, 'admin');
}

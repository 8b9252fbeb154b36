import { atLeast } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';

/** Private things exist for their owner and admins only. Other people get "not found", not "refused". */
export function mayRead(thing: { private: boolean; owner: string }, caller: Caller): boolean {
  return !thing.private || mayChange(thing, caller);
}

export function mayChange(thing: { owner: string }, caller: Caller): boolean {
  return thing.owner === caller.person.id || atLeast(caller.person.role, 'admin');
}

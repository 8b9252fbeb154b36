export const instanceStates = [
  'pending',
  'downloading',
  'starting',
  'running',
  'degraded',
  'failed',
  'stopping',
  'stopped',
] as const;
export type InstanceState = (typeof instanceStates)[number];

export type InstanceAction = 'stop' | 'restart' | 'scale' | 'extend' | 'delete' | 'call';

/** The states in which each action is allowed. */
export const statesOfAction: Readonly<Record<InstanceAction, readonly InstanceState[]>> = {
  stop: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed'],
  restart: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed', 'stopped'],
  scale: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed'],
  extend: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed'],
  delete: ['failed', 'stopped'],
  call: ['running', 'degraded'],
};

export function allows(action: InstanceAction, state: InstanceState): boolean {
  return statesOfAction[action].includes(state);
}

/** Settled states last until somebody acts or something breaks. Nobody waits for a change of them. */
export function isSettled(state: InstanceState): boolean {
  return state === 'running' || state === 'degraded' || state === 'failed' || state === 'stopped';
}

/** True if no region is on its way to another state. A `degraded` instance is not settled while one of its regions starts. */
export function isAllSettled(state: InstanceState, regions: readonly InstanceState[]): boolean {
  return isSettled(state) && regions.every(isSettled);
}

/** The state of an instance as a whole, from the states of its regions. */
export function wholeState(regions: readonly InstanceState[]): InstanceState {
  const [first] = regions;
  if (first === undefined) return 'pending';
  if (regions.every((state) => state === first)) return first;
  if (regions.some((state) => state === 'running' || state === 'degraded')) return 'degraded';
  const order: InstanceState[] = ['stopping', 'starting', 'downloading', 'pending', 'failed', 'stopped'];
  return order.find((state) => regions.includes(state)) ?? first;
}

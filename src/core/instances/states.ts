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

/** Which states each action is allowed in. An action that is missing here is allowed nowhere. */
export const actionsByState = {
  stop: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed'],
  restart: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed', 'stopped'],
  scale: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed'],
  extend: ['pending', 'downloading', 'starting', 'running', 'degraded', 'failed'],
  delete: ['failed', 'stopped'],
  call: ['running', 'degraded'],
} satisfies Record<InstanceAction, InstanceState[]>;

export function allows(action: InstanceAction, state: InstanceState): boolean {
  return (actionsByState[action] as InstanceState[]).includes(state);
}

/** States that last until somebody acts or something breaks: waiting for a change ends at once on them. */
export function isSettled(state: InstanceState): boolean {
  return state === 'running' || state === 'degraded' || state === 'failed' || state === 'stopped';
}

/** The state of an instance as a whole, from the states of its regions. */
export function wholeState(regions: readonly InstanceState[]): InstanceState {
  if (regions.length === 0) return 'pending';
  const only = regions[0] as InstanceState;
  if (regions.every((state) => state === only)) return only;
  if (regions.some((state) => state === 'running' || state === 'degraded')) return 'degraded';
  const order: InstanceState[] = ['stopping', 'starting', 'downloading', 'pending', 'failed', 'stopped'];
  return order.find((state) => regions.includes(state)) ?? only;
}

import { EventEmitter } from 'node:events';
import type { Change, Changes } from './changes.ts';

export function createChanges(): Changes {
  const emitter = new EventEmitter();
  // Every open wait and every live message adds a listener.
  emitter.setMaxListeners(0);
  return {
    publish: (change) => void emitter.emit('change', change),
    subscribe(listener: (change: Change) => void) {
      emitter.on('change', listener);
      return () => emitter.off('change', listener);
    },
  };
}

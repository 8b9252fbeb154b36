const newline = 0x0a;
/** Bytes. A longer line passes in pieces, to bound the memory. */
const longestLine = 1 << 20;

/**
 * Passes an event stream in whole lines. If the replica stops, the caller's parser never gets half a line of JSON. A
 * parser needs the whole line anyway, so it loses no time.
 */
export function createWholeLines(): { take(chunk: Buffer): Buffer; rest(): Buffer } {
  let pending: Buffer = Buffer.alloc(0);
  return {
    take(chunk) {
      // The usual case: engines write whole events.
      if (pending.length === 0 && chunk.at(-1) === newline) return chunk;
      const all = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const end = all.length > longestLine ? all.length : all.lastIndexOf(newline) + 1;
      pending = all.subarray(end);
      return all.subarray(0, end);
    },
    rest: () => pending,
  };
}

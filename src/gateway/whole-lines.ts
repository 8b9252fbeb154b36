const newline = 0x0a;
/** A line longer than this goes out in parts: the guard must not become a buffer. */
const mostHeld = 1 << 20;

/**
 * Lets an event stream through line by line, so that whatever breaks off upstream, the caller's parser never gets half
 * a JSON line. A parser could have done nothing with the held part either, so nothing is later for it.
 */
export function createWholeLines(): { take(chunk: Buffer): Buffer; rest(): Buffer } {
  let held: Buffer = Buffer.alloc(0);
  return {
    take(chunk) {
      // Engines write whole events, so this is nearly always the way.
      if (held.length === 0 && chunk.at(-1) === newline) return chunk;
      const all = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const end = all.length > mostHeld ? all.length : all.lastIndexOf(newline) + 1;
      held = all.subarray(end);
      return all.subarray(0, end);
    },
    rest: () => held,
  };
}

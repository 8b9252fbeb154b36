import { newKey } from '../../secrets/key-file.ts';
import type { Sealer } from '../../secrets/sealer.ts';
import type { Note } from './recorded-process.ts';

/** The name of the sealed key in a replica's record. */
const sealedKey = 'sealed_key';

export interface EngineKey {
  value: string;
  /** For the record, so that the next server can call the replica. */
  note: Note;
}

/** A random key for one replica. Only callers who know it are answered, and no one but this server does. */
export function newEngineKey(sealer: Sealer, replica: string): EngineKey {
  const value = newKey().toString('base64url');
  return { value, note: { [sealedKey]: sealer.seal(replica, value) } };
}

/** `key` is undefined if the engine was started without one, or if this server cannot open it (`isLost`). */
export function engineKeyOf(note: Note | undefined, sealer: Sealer, replica: string) {
  const sealed = note?.[sealedKey];
  const key = sealed === undefined ? undefined : sealer.open(replica, String(sealed));
  return { key, isLost: sealed !== undefined && key === undefined };
}

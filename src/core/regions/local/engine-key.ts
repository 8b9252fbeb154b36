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

/** Undefined: the engine was started without a key. `lost`: this server cannot open it. */
export function engineKeyOf(note: Note | undefined, sealer: Sealer, replica: string): string | 'lost' | undefined {
  const sealed = note?.[sealedKey];
  return sealed === undefined ? undefined : (sealer.open(replica, String(sealed)) ?? 'lost');
}

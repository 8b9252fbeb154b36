import { hkdfSync } from 'node:crypto';
import { keyBytes, open, seal } from './box.ts';

/** Seals what this server itself keeps outside of the database, and reads again after a restart. */
export interface Sealer {
  seal(id: string, value: string): string;
  /** Undefined if it was sealed by another server, or under another id. */
  open(id: string, sealed: string): string | undefined;
}

/**
 * The key of the sealer is derived from a lasting key of the server (RFC 5869), so there is no further key to keep and to
 * lose. `purpose` keeps its values apart from those of every other sealer.
 */
export function createSealer(lastingKey: Buffer, purpose: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', lastingKey, '', `ecolink ${purpose}`, keyBytes));
  const contextOf = (id: string) => ({ table: purpose, id, owner: '' });
  return {
    seal: (id, value) => seal(key, contextOf(id), value),
    open: (id, sealed) => open(key, contextOf(id), sealed),
  };
}

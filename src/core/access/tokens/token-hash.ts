import { hash } from 'node:crypto';

/** Tokens are 256 random bits, so a fast hash is as good as a slow one. */
export function hashOf(token: string): string {
  return hash('sha256', token, 'hex');
}

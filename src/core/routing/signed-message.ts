import { createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../base/parse-json.ts';

/** What the server tells gateways, one line each. */
const messageSchema = z.object({
  /** Identity of the server's store: numbers of two stores cannot be compared. */
  store: z.string(),
  number: z.int().nonnegative(),
  /** The number that this one follows. Null: it is the whole state. The same number: nothing has changed. */
  after: z.int().nonnegative().nullable(),
  /** When the state was right, by the server's clock. */
  at: z.iso.datetime(),
  set: z.record(z.string(), z.string()),
  delete: z.array(z.string()),
});

export type FeedMessage = z.output<typeof messageSchema>;

/** `<Ed25519 signature in base64> <JSON>`. JSON has no line breaks. */
export function signMessage(message: FeedMessage, privateKey: KeyObject): string {
  const json = JSON.stringify(message);
  return `${sign(null, Buffer.from(json), privateKey).toString('base64')} ${json}`;
}

/** Undefined if the server did not sign this line. */
export function readMessage(line: string, publicKey: KeyObject): FeedMessage | undefined {
  const space = line.indexOf(' ');
  const json = line.slice(space + 1);
  const signature = Buffer.from(line.slice(0, Math.max(0, space)), 'base64');
  if (!verify(null, Buffer.from(json), publicKey, signature)) return undefined;
  return messageSchema.safeParse(parseJson(json)).data;
}

/** From a public key or a certificate in PEM. Throws if it is neither, or of another kind than Ed25519. */
export function readPublicKey(pem: string): KeyObject {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('The key is not of the kind Ed25519.');
  return key;
}

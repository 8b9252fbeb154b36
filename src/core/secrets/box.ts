import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

/** What a sealed value belongs to. A copy in another row or under another owner does not open. */
export interface SealContext {
  table: string;
  id: string;
  owner: string;
}

export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const version = 'v1';

/** AES-256-GCM. Returns `v1.`, then nonce, tag and ciphertext in base64url. */
export function seal(key: Buffer, context: SealContext, value: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData(context));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return `${version}.${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')}`;
}

/** Returns undefined if the key is another one, or if the sealed value was changed or moved. */
export function open(key: Buffer, context: SealContext, sealed: string): string | undefined {
  const [written, body = ''] = sealed.split('.');
  const bytes = Buffer.from(body, 'base64url');
  if (written !== version || bytes.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(associatedData(context));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return decipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}

/** Identifies a key without revealing it. Rows name the key that sealed them by this id. */
export function keyId(key: Buffer): string {
  return createHmac('sha256', key).update('ecolink key id').digest('hex').slice(0, 12);
}

/** JSON keeps the fields apart: two contexts never give the same bytes. */
function associatedData({ table, id, owner }: SealContext): Buffer {
  return Buffer.from(JSON.stringify(['ecolink', version, table, id, owner]));
}

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

/** What a sealed value belongs to. A value that is copied to another row, or to another owner, does not open there. */
export interface Place {
  table: string;
  id: string;
  owner: string;
}

export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const version = 'v1';

/** AES-256-GCM. Answers with `v1.` and the nonce, the tag and the ciphertext in base64url. */
export function seal(key: Buffer, place: Place, value: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associated(place));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return `${version}.${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')}`;
}

/** Undefined where the key is another, or what was sealed was changed or moved. */
export function open(key: Buffer, place: Place, sealed: string): string | undefined {
  const [written, body = ''] = sealed.split('.');
  const bytes = Buffer.from(body, 'base64url');
  if (written !== version || bytes.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(associated(place));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return decipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}

/** Names a key without telling anything of it: rows say with it what they were sealed with. */
export function keyId(key: Buffer): string {
  return createHmac('sha256', key).update('ecolink key id').digest('hex').slice(0, 12);
}

/** As JSON, so that no two places read alike whatever is in their fields. */
function associated({ table, id, owner }: Place): Buffer {
  return Buffer.from(JSON.stringify(['ecolink', version, table, id, owner]));
}

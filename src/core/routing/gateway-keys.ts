import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files through which a gateway on the same machine trusts the server and is let in by it. */
export function gatewayFiles(dataDir: string) {
  const folder = join(dataDir, 'gateway');
  return {
    folder,
    signingKey: join(folder, 'signing-key.pem'),
    publicKey: join(folder, 'public-key.pem'),
    credential: join(folder, 'credential'),
    state: join(folder, 'state'),
  };
}

/** What the server has of its gateways. */
export interface GatewayKeys {
  /** Signs the state of routes (Ed25519). */
  signingKey: KeyObject;
  /** True if it is the credential of the gateways. */
  admits(credential: string): boolean;
}

/** From the environment, or from files in the data folder that the first call makes. */
export function openGatewayKeys(dataDir: string, given: { signingKey?: string; credential?: string }): GatewayKeys {
  const files = gatewayFiles(dataDir);
  mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  const signingKey = createPrivateKey(given.signingKey ?? readOrMake(files.signingKey, newSigningKey));
  if (signingKey.asymmetricKeyType !== 'ed25519') throw new Error('The signing key of the gateways is no Ed25519 key.');
  const publicKey = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' });
  replaceFile(files.publicKey, publicKey.toString());
  const credential = digest(given.credential ?? readOrMake(files.credential, newCredential).trim());
  return { signingKey, admits: (offered) => timingSafeEqual(digest(offered), credential) };
}

function newSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function newCredential(): string {
  return `eco_gateway_${randomBytes(32).toString('base64url')}\n`;
}

function readOrMake(path: string, make: () => string): string {
  if (!existsSync(path)) replaceFile(path, make());
  return readFileSync(path, 'utf8');
}

/** In one step: a reader never gets half of it. */
function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

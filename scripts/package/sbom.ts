import { createHash } from 'node:crypto';

/** A CycloneDX document, as `npm sbom` prints it: the fields that we change. */
export interface Sbom {
  serialNumber?: string;
  metadata: { timestamp?: string; component: { name: string }; [field: string]: unknown };
  components: { name: string; version: string; hashes?: unknown[] }[];
  [field: string]: unknown;
}

/**
 * Makes two documents of one lock file equal: npm writes the time and a random serial number. It also takes the name of the
 * folder for the name of the program.
 */
export function makeReproducible(sbom: Sbom, name: string): Sbom {
  const { serialNumber: _random, ...rest } = sbom;
  const { timestamp: _now, ...metadata } = rest.metadata;
  const stable = { ...rest, metadata: { ...metadata, component: { ...metadata.component, name } } };
  return { ...stable, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(stable))}` };
}

/** A UUID of version 8 (RFC 9562): its bits are a hash of the text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

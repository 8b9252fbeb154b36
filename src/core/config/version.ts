import { readFileSync } from 'node:fs';

/** The version of this package. The path is the same from `src` and from the built `dist`. */
export function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  // zod would take longer to load than everything else that `--version` does.
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest === 'object' && manifest && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json names no version');
}

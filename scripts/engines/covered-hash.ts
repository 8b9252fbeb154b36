import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The hash of what the suite of real engines covers. The suite takes minutes and gigabytes, so CI runs it only if the hash is
 * not the one that its last green run wrote.
 *
 *   node scripts/engines/covered-hash.ts --check    ends with status 1 if something has changed
 *   node scripts/engines/covered-hash.ts --write    after a green run
 */
const covered = [
  'src/core/runtimes/**/*.ts',
  'src/core/regions/local/**/*.ts',
  'src/core/regions/kubernetes/manifests/*.ts',
  'src/core/config/schema.ts',
  'src/gateway/*.ts',
  'test/engines/**/*.ts',
];
const root = fileURLToPath(new URL('../../', import.meta.url));
const file = fileURLToPath(new URL('../../test/engines/covered.sha256', import.meta.url));

function coveredHash(): string {
  const paths = [...new Set(covered.flatMap((pattern) => globSync(pattern, { cwd: root })))].toSorted();
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(`${path}\0`)
      .update(readFileSync(`${root}${path}`))
      .update('\0');
  return hash.digest('hex');
}

if (process.argv.includes('--write')) writeFileSync(file, `${coveredHash()}\n`);
else if (!existsSync(file) || readFileSync(file, 'utf8').trim() !== coveredHash()) {
  process.stdout.write('What the suite of real engines covers has changed since its last green run.\n');
  process.exitCode = 1;
}

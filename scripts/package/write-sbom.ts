/**
 * `write-sbom.ts FILE [flags of npm sbom]`: writes the list of the packages that EcoLink is tested with, from the lock file,
 * in the CycloneDX format.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeReproducible } from './sbom.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [file, ...flags] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: write-sbom.ts FILE [flags of npm sbom]');

const printed = execFileSync(
  'npm',
  ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only', '--omit=dev', ...flags],
  { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 },
);
const { name } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
writeFileSync(file, `${JSON.stringify(makeReproducible(JSON.parse(printed), name), null, 2)}\n`);

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { operationsPage } from './docs-page.ts';

/** `npm run docs` writes docs/operations.md; with `--check` it only says whether the page is what the catalogue makes of it. */
const file = fileURLToPath(new URL('../../docs/operations.md', import.meta.url));
const page = operationsPage();

if (!process.argv.includes('--check')) {
  writeFileSync(file, page);
} else if (readOrEmpty(file) !== page) {
  process.stderr.write('docs/operations.md is out of date.\nnext: npm run docs, and commit what it writes.\n');
  process.exitCode = 1;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

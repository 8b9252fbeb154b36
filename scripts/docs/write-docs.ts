import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorsPage } from './errors-page.ts';
import { operationsPage } from './operations-page.ts';
import { roomsPicture } from './rooms-picture.ts';
import { rolesPage } from './roles-page.ts';
import { runtimesPage } from './runtimes-page.ts';
import { manifestText, slackManifest } from '../../src/slack/manifest.ts';

/** `npm run docs` generates these pages. With `--check` it only tests whether they are up to date. */
const pages = {
  'errors.md': errorsPage(),
  'operations.md': operationsPage(),
  'roles.md': rolesPage(),
  'rooms.svg': roomsPicture(),
  'runtimes.md': runtimesPage(),
  '../manifest.json': manifestText(slackManifest()),
};

for (const [name, page] of Object.entries(pages)) {
  const file = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
  if (!process.argv.includes('--check')) {
    writeFileSync(file, page);
  } else if (readOrEmpty(file) !== page) {
    process.stderr.write(`docs/${name} is out of date.\nnext: npm run docs, and commit what it writes.\n`);
    process.exitCode = 1;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

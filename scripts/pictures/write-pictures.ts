import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { draw, findBrowser } from './browser.ts';
import { pageOf } from './page.ts';
import { screens } from './screens.ts';

/*
 * `npm run pictures [name …]` draws the screens of the Slack app from their real blocks into docs/slack/. It needs a
 * Chromium on the PATH or at CHROME_PATH.
 */

const wanted = process.argv.slice(2);
const folder = fileURLToPath(new URL('../../docs/slack', import.meta.url));
mkdirSync(folder, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), 'ecolink-pictures-'));
try {
  const browser = findBrowser(process.env);
  for (const [name, screen] of Object.entries(screens)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const page = join(scratch, `${name}.html`);
    writeFileSync(page, pageOf(screen));
    draw(browser, page, join(folder, `${name}.png`));
    process.stdout.write(`docs/slack/${name}.png\n`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

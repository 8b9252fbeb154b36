import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The browser: `CHROME_PATH`, else the first Chromium on the PATH. */
export function findBrowser(env: NodeJS.ProcessEnv): string {
  const named = env['CHROME_PATH'];
  if (named !== undefined && named !== '') return named;
  const folders = (env['PATH'] ?? '').split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));
  if (found === undefined) throw new Error('No Chromium is on the PATH. Install one, or set CHROME_PATH.');
  return found;
}

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--force-device-scale-factor=1'];
const width = 640;

/** Draws a page of HTML into a PNG, as high as its content. */
export function draw(browser: string, page: string, picture: string): void {
  const url = pathToFileURL(page).href;
  const options = { encoding: 'utf8' as const, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };
  const dom = execFileSync(browser, [...flags, `--window-size=${width},2000`, '--dump-dom', url], options);
  const height = /data-height="(\d+)"/.exec(dom)?.[1];
  if (height === undefined) throw new Error(`The browser did not measure ${page}.`);
  execFileSync(browser, [...flags, `--window-size=${width},${height}`, `--screenshot=${picture}`, url], options);
}

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runProgram } from './support/run-program.ts';

test('slack manifest prints manifest.json, and with --url the one for HTTP', async () => {
  const socket = await runProgram(['slack', 'manifest'], {});
  const file = await readFile(new URL('../../manifest.json', import.meta.url), 'utf8');
  expect(socket.stdout).toBe(file);
  const http = await runProgram(['slack', 'manifest', '--url', 'https://ecolink.example'], {});
  expect(http.stdout).toContain('"request_url": "https://ecolink.example/slack/events"');
  expect(JSON.parse(http.stdout)).toMatchObject({ settings: { socket_mode_enabled: false } });
  const bad = await runProgram(['slack', 'manifest', '--url', 'ecolink'], {});
  expect(bad.stderr).toContain('"ecolink" is no address.');
  expect(bad.stdout).toBe('');
});

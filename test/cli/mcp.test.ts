import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { nodeFlags } from '../../src/cli/node-flags.ts';
import { childEnvironment, commandLineOf, mainFile, runProgram, temporaryFolder } from './support/run-program.ts';

test('if no server runs, mcp starts one that both assistants share and that outlives them', async () => {
  await using folder = await temporaryFolder();
  await using server = serverOf(folder.path);
  const [one, two] = await Promise.all([assistant(folder.path), assistant(folder.path)]);
  const answers = await Promise.all(
    [one, two].map(({ client }) => client.callTool({ name: 'list_models', arguments: {} })),
  );
  for (const answer of answers) expect(answer).toMatchObject({ structuredContent: { items: [] } });
  expect(one.said() + two.said()).toContain('starting one');
  await Promise.all([one.client.close(), two.client.close()]);
  expect(await runProgram(['doctor'], environment(folder.path))).toMatchObject({
    stdout: expect.stringContaining('runs at http'),
  });
  expect(server.isThere()).toBe(true);
  expect(await commandLineOf(server.pid())).toContain(nodeFlags.join(' '));
  expect(readFileSync(join(folder.path, 'server.log'), 'utf8')).toContain('runs at http');
});

test('an assistant keeps working when the server was stopped meanwhile', async () => {
  await using folder = await temporaryFolder();
  await using server = serverOf(folder.path);
  const { client } = await assistant(folder.path);
  await server.stop();
  expect(await client.callTool({ name: 'list_regions', arguments: {} })).toMatchObject({
    structuredContent: { items: [{ name: 'local' }] },
  });
  await client.close();
});

test('with --no-start nothing is started', async () => {
  await using folder = await temporaryFolder();
  expect(await runProgram(['mcp', '--no-start'], environment(folder.path))).toMatchObject({
    status: 6,
    stdout: '',
    stderr: expect.stringContaining('error[server_not_running]'),
  });
  expect(existsSync(join(folder.path, 'server.log'))).toBe(false);
});

test('a server that cannot start is an error with what its log says', async () => {
  await using folder = await temporaryFolder();
  const broken = { ...environment(folder.path), ECOLINK_HOST: '192.0.2.1' };
  const { status, stdout, stderr } = await runProgram(['mcp'], broken);
  expect({ status, stdout }).toEqual({ status: 6, stdout: '' });
  expect(stderr).toMatch(/error\[server_did_not_start\].*ECOLINK_HOST/);
});

function environment(dataDir: string): Record<string, string> {
  return { ECOLINK_DATA_DIR: dataDir, ECOLINK_PORT: '0' };
}

async function assistant(dataDir: string): Promise<{ client: Client; said: () => string }> {
  const entries = Object.entries(childEnvironment(environment(dataDir)));
  const env = Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [mainFile, 'mcp'],
    env,
    stderr: 'pipe',
  });
  let said = '';
  transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  return { client, said: () => said };
}

/** The detached server of a data folder. It is stopped with the scope. */
function serverOf(dataDir: string): AsyncDisposable & { isThere(): boolean; pid(): number; stop(): Promise<void> } {
  const file = join(dataDir, 'server.json');
  const pidOf = (): number => z.object({ pid: z.int() }).parse(JSON.parse(readFileSync(file, 'utf8'))).pid;
  const stop = async (): Promise<void> => {
    if (!existsSync(file)) return;
    const pid = pidOf();
    process.kill(pid, 'SIGTERM');
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 20_000 });
  };
  return { isThere: () => existsSync(file), pid: pidOf, stop, [Symbol.asyncDispose]: stop };
}

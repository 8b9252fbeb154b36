import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLlamaEngineInstalled, llamaEngineEntry } from '../../src/core/runtimes/llama-engine.ts';
import { startEngine } from './start-engine.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llama-engine-process-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  status: number | null;
  stderr: string;
}

function run(entry: string, ...flags: string[]): Promise<Ended> {
  return runWith([], entry, ...flags);
}

async function runWith(nodeFlags: readonly string[], entry: string, ...flags: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [...nodeFlags, entry, ...flags], { stdio: ['ignore', 'inherit', 'pipe'] });
  const stderr = text(child.stderr);
  await once(child, 'exit');
  return { status: child.exitCode, stderr: await stderr };
}

describe('the engine process', () => {
  it('ends with status 0 soon after SIGTERM, even during an answer', async () => {
    const engine = await startEngine();
    const schema = { type: 'object', properties: { said: { const: 'z'.repeat(4000) } } };
    const response = await fetch(`${engine.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        model: 'tiny',
        stream: true,
        messages: [{ role: 'user', content: 'Go on' }],
        response_format: { type: 'json_schema', json_schema: { schema } },
      }),
    });
    // The headers come with the first event, when the answer has begun.
    engine.child.kill('SIGTERM');
    expect(await response.text()).toContain('"code":"instance_stopping"');
    expect(await engine.exited).toBe(0);
    await engine.stop();
  });

  it('names the flag that is wrong', async () => {
    const { status, stderr } = await run(llamaEngineEntry(), '--model', 'm.gguf', '--served-name', 'm', '--port', 'x');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^--port must be a whole number from 0 to 65535, not "x"\.\nUsage: /);
  });

  it('logs why a model cannot be loaded', async () => {
    const model = join(folder, 'broken.gguf');
    await writeFile(model, 'this is no model');
    const { status, stderr } = await run(llamaEngineEntry(), '--model', model, '--served-name', 'm', '--port', '0');
    expect(status).toBe(1);
    expect(stderr).toContain('"event":"load_failed"');
  });

  it('tells in one line that the optional engine is not installed', async () => {
    // The same sources beside other packages: only zod is installed there.
    await symlink(dirname(dirname(llamaEngineEntry())), join(folder, 'src'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(dirname(fileURLToPath(import.meta.resolve('zod'))), join(folder, 'node_modules', 'zod'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const entry = join(folder, 'src', 'llama-engine', 'main.ts');
    const keepLinks = ['--preserve-symlinks', '--preserve-symlinks-main'];
    const { status, stderr } = await runWith(keepLinks, entry, '--model', 'm.gguf', '--served-name', 'm');
    expect(status).toBe(3);
    expect(stderr).toMatch(/^The engine for GGUF models is not installed: .*\n$/);
  });
});

it('finds the optional engine here', () => {
  expect(isLlamaEngineInstalled()).toBe(true);
});

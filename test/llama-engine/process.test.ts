import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLlamaEngineInstalled, llamaEngineEntry } from '../../src/core/runtimes/llama-engine.ts';
import { collect, startEngine } from './start-engine.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llama-engine-process-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(entry: string, ...flags: string[]): Promise<{ status: number | null; stderr: string }> {
  const child = execFile(process.execPath, [entry, ...flags]);
  const stderr = child.stderr === null ? '' : collect(child.stderr as AsyncIterable<string>);
  const [status] = (await once(child, 'exit')) as [number | null];
  return { status, stderr: [await stderr].flat().join('') };
}

describe('the engine process', () => {
  it('ends with status 0 soon after SIGTERM, even in the middle of an answer', async () => {
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
    expect(stderr).toMatch(/^--port is a whole number from 0 to 65535, not "x"\.\nUsage: /);
  });

  it('says why a model cannot be loaded', async () => {
    const model = join(folder, 'broken.gguf');
    await writeFile(model, 'this is no model');
    const { status, stderr } = await run(llamaEngineEntry(), '--model', model, '--served-name', 'm', '--port', '0');
    expect(status).toBe(1);
    expect(stderr).toContain('"event":"load_failed"');
  });

  it('says in one line that the optional engine is not installed', async () => {
    const source = dirname(llamaEngineEntry());
    await cp(source, join(folder, 'engine'), { recursive: true });
    await mkdir(join(folder, 'node_modules'));
    await symlink(dirname(fileURLToPath(import.meta.resolve('zod'))), join(folder, 'node_modules', 'zod'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const entry = join(folder, 'engine', 'main.ts');
    const { status, stderr } = await run(entry, '--model', 'm.gguf', '--served-name', 'm');
    expect(status).toBe(3);
    expect(stderr).toMatch(/^The engine for GGUF models is not installed: .*\n$/);
  });
});

it('is found from here', () => {
  expect(isLlamaEngineInstalled()).toBe(true);
});

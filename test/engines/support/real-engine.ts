import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import OpenAI from 'openai';
import { expect } from 'vitest';
import { z } from 'zod';
import { startServer } from '../../../src/http/server.ts';
import { startCore } from '../../support/core.ts';

/** Where the real engines are: each variable names a folder. In CI a missing one is a failure. */
export function placeOf(variable: string, what: string): string | undefined {
  const place = process.env[variable];
  if (place !== undefined) return place;
  if (process.env['CI'] === 'true') throw new Error(`${variable} does not name ${what}.`);
  process.stderr.write(`SKIPPED: ${variable} does not name ${what}.\n`);
  return undefined;
}

/** A start with compiled kernels, and with all of the machine's memory, would take minutes and all of it. */
export const smallVllm = {
  arguments: ['--enforce-eager', '--kv-cache-memory-bytes', '256M'],
  environment: { VLLM_CPU_KVCACHE_SPACE: '1', VLLM_NO_USAGE_STATS: '1', DO_NOT_TRACK: '1' },
};

/** The slowest start of an engine on two cores, in milliseconds. */
export const startMs = 240_000;

interface Installation extends AsyncDisposable {
  url: string;
  launch(model: LaunchedModel, more?: object): Promise<string>;
  instance(modelId: string): Promise<Record<string, unknown>>;
  stop(modelId: string): Promise<void>;
  /** The official SDK, to the gateway or to the proxy of an instance. */
  client(modelId?: string): Promise<OpenAI>;
}

export interface LaunchedModel {
  name: string;
  category: string;
}

/** A whole EcoLink: a core, a server, and a filesystem with the models. */
export async function startInstallation(models: string, config: object, path: string): Promise<Installation> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-real-'));
  undo.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const file = join(folder, 'ecolink.yaml');
  const filesystems = [{ name: 'shared', region: 'local', path: models }];
  await writeFile(file, JSON.stringify({ filesystems, ...config }));
  const environment = { ECOLINK_CONFIG: file, PATH: [path, process.env['PATH']].join(delimiter) };
  const place = undo.use(await startCore({ environment }));
  const { url } = undo.use(await startServer(place.core));
  const parts = undo.move();
  const numberOf = (modelId: string): string => modelId.split(':')[1] ?? '';
  const stateOf = async (modelId: string): Promise<unknown> =>
    (await place.run('get_instance', { instance: numberOf(modelId), wait_seconds: 5 }))['state'];
  return {
    url,
    async launch({ name, category }, more = {}) {
      await place.run('register_model', {
        name,
        source: 'filesystem',
        filesystem: 'shared',
        subfolder: name,
        category,
      });
      const launched = await place.run('launch_instance', { model: name, ...more });
      const id = z.string().parse(launched['model_id']);
      await expect.poll(() => stateOf(id), { timeout: startMs, interval: 1000 }).toBe('running');
      return id;
    },
    instance: (modelId) => place.run('get_instance', { instance: numberOf(modelId) }),
    async stop(modelId) {
      await place.run('stop_instance', { instance: numberOf(modelId) });
      await expect.poll(() => stateOf(modelId), { timeout: 60_000, interval: 500 }).toBe('stopped');
    },
    async client(modelId) {
      const name = `t-${Math.random()}`.replace('0.', '');
      const { token } = await place.core.access.createToken(place.local.person, name, ['call']);
      const base = modelId === undefined ? url : `${url}/instances/${numberOf(modelId)}/proxy`;
      return new OpenAI({ baseURL: `${base}/v1`, apiKey: token, maxRetries: 0 });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Copies the chat model, with a template that knows tools, as Hermes and Qwen have it. */
export async function withTools(models: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(models, folder, { recursive: true });
  const template = [
    '{% if tools %}Tools: {{ tools | tojson }} Answer with <tool_call>{"name": …}</tool_call>\n{% endif %}',
    "{% for m in messages %}{{ m['role'] + ': ' + (m['content'] or '') + '\n' }}{% endfor %}",
    '{% if add_generation_prompt %}assistant: {% endif %}',
  ].join('');
  await writeFile(join(folder, 'chat_template.jinja'), template);
}

/** One second of a tone, as a WAV of 16 kHz. */
export function tone(): Buffer {
  const rate = 16_000;
  const samples = Buffer.alloc(rate * 2);
  for (let at = 0; at < rate; at++) samples.writeInt16LE(Math.round(8000 * Math.sin(at / 6)), at * 2);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

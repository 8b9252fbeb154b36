import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { loadConfig, quickstartEnvironment } from '../../core/config/load.ts';
import { createCore } from '../../core/create-core.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { createLog } from '../../core/base/log.ts';
import { connect } from '../../http/client.ts';
import type { Client } from '../../http/client.ts';
import { startServer } from '../../http/server.ts';
import { callModel } from './call.ts';
import { say, step, type } from './screen.ts';
import { chooseSource, makeFilesystem } from '../../quickstart/source.ts';
import type { QuickstartSource } from '../../quickstart/source.ts';

interface Flags {
  exit?: boolean;
  offline?: boolean;
  repo?: string;
}

/** Runs the quickstart and answers with its exit status. */
export async function quickstartCommand(flags: Flags): Promise<number> {
  try {
    await quickstart(flags);
    return 0;
  } catch (thrown) {
    const next = thrown instanceof EcolinkError ? `\n${thrown.nextStep}` : '';
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    process.stderr.write(`\n${styleText('red', 'The quickstart failed:')} ${message}${next}\n`);
    return 1;
  }
}

/** The whole main job with its real output: register, launch, call, a filesystem, and a second launch that fetches nothing. */
async function quickstart(flags: Flags): Promise<void> {
  const stop = stopSignal();
  say(styleText('bold', 'EcoLink quickstart: register a model, launch it, call it.'));
  const source = await chooseSource({
    repo: flags.repo,
    offline: flags.offline === true,
    endpoint: loadConfig().hub.endpoint,
  });
  await using undo = new AsyncDisposableStack();
  if (source.hub) undo.use(source.hub);
  const environment = await prepare(source);
  const config = loadConfig(environment);
  const core = undo.use(await createCore(config, createLog({ level: 'warn', pretty: true }), { reconcile: true }));
  const server = undo.use(await startOn(core));
  const client = await connect({ dataDir: config.dataDir, source: 'cli' });
  step('Start the server');
  say(`   ${server.url}, with SQLite and the region "local"; everything lies in ${config.dataDir}`);
  await tidy(client);
  await mainJob(source, environment, client, join(config.dataDir, 'local-token'));
  if (flags.exit) await tidy(client);
  else {
    connectOthers(server.url, config.dataDir);
    await stop;
    say('Stopping.');
  }
}

async function mainJob(
  source: QuickstartSource,
  environment: Record<string, string>,
  client: Client,
  tokenPath: string,
): Promise<void> {
  const { name, repo } = source;
  const run = (...words: string[]) => type(environment, ...words);
  step('Register a model from a Hugging Face repo');
  for (const line of source.words) say(`   ${line}`);
  if (await isNew(client, name))
    await run('register-model', name, '--source', 'huggingface', '--repo', repo, '--category', 'chat');
  else say(`   "${name}" is registered from an earlier run; entries never change.`);
  step('Launch it: the weights are fetched into the region once, then an engine serves them');
  await run('launch-instance', name, '--wait');
  step('Call it at the OpenAI-compatible URL');
  const token = (await readFile(tokenPath, 'utf8')).trim();
  await callModel(client.url, token, await newestModelId(client), tokenPath);
  step('Register a model from a folder on a shared filesystem: mounted, nothing is downloaded');
  if (await isNew(client, 'quickstart-folder')) {
    await run(
      'register-model',
      'quickstart-folder',
      '--source',
      'filesystem',
      '--filesystem',
      'shared-models',
      '--subfolder',
      'teams/demo/tiny-chat',
      '--category',
      'chat',
    );
  } else say('   "quickstart-folder" is registered from an earlier run.');
  await run('list-models');
  step('Launch the first model again: its weights are there, nothing is downloaded');
  const plan = await client.call('plan_launch', { model: name });
  const [region] = plan['regions'] as { volume: { state: string } }[];
  if (region?.volume.state !== 'hit' || plan['bytes_to_fetch'] !== 0)
    throw new Error('The weights should be in the cache, and are not.');
  say(`   The plan says: volume ${region.volume.state}, ${String(plan['bytes_to_fetch'])} bytes to fetch.`);
  await run('launch-instance', name, '--wait');
  await run('list-instances');
  await run('list-cache');
}

/** Writes the folder, its filesystem and its configuration; answers with the environment of everything that runs. */
async function prepare(source: QuickstartSource): Promise<Record<string, string>> {
  const { dataDir, environment } = quickstartEnvironment(source.endpoint);
  const shared = join(dataDir, 'shared-models');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(dataDir, 'ecolink.yaml'),
    `filesystems:\n  - name: shared-models\n    region: local\n    path: ${JSON.stringify(shared)}\n    mount_path: /mnt/shared-models\n`,
  );
  await makeFilesystem(shared);
  return environment;
}

/** The usual port, or a free one where something else (an EcoLink that already runs) has it. */
async function startOn(core: Parameters<typeof startServer>[0]) {
  try {
    return await startServer(core);
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'port_in_use') throw thrown;
    say(`   Port ${core.config.port} is in use; a free one is taken.`);
    return startServer(core, { port: 0 });
  }
}

async function isNew(client: Client, name: string): Promise<boolean> {
  try {
    await client.call('get_model', { model: name });
    return false;
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.code === 'model_not_found') return true;
    throw thrown;
  }
}

async function newestModelId(client: Client): Promise<string> {
  const { items } = (await client.call('list_instances', { limit: 1 })) as { items: { model_id: string }[] };
  return items[0]?.model_id ?? '';
}

/** Ends what this folder's server still runs, from this run or an earlier one. */
async function tidy(client: Client): Promise<void> {
  const { items } = (await client.call('list_instances', { limit: 100 })) as { items: { id: number; state: string }[] };
  if (items.length === 0) return;
  step(`Stop and delete ${items.length === 1 ? 'the instance' : `${items.length} instances`}`);
  for (const { id, state } of items) {
    if (state !== 'stopped') await client.call('stop_instance', { instance: String(id) });
  }
  for (const { id } of items) {
    for (;;) {
      const { state } = await client.call('get_instance', { instance: String(id), wait_seconds: 30 });
      if (state === 'stopped') break;
    }
    await client.call('delete_instance', { instance: String(id) });
  }
  say('   done; the weights stay cached');
}

function connectOthers(url: string, dataDir: string): void {
  const here = `ECOLINK_DATA_DIR=${dataDir}`;
  say();
  say(styleText('bold', 'It stays up. In another terminal:'));
  say(`   ${here} npm run -s ecolink -- list-instances`);
  say(`   ${here} npm run -s ecolink -- --help`);
  say();
  say(styleText('bold', 'Connect an AI assistant'));
  say(`   over stdio   claude mcp add ecolink --env ${here} -- npm --prefix ${process.cwd()} run -s ecolink -- mcp`);
  say(
    `   over HTTP    ${url}/mcp with "Authorization: Bearer <token>"; make one: ${here} npm run -s ecolink -- token create assistant`,
  );
  say();
  say(styleText('bold', 'Connect Slack'));
  say('   docs/slack.md: make the app from manifest.json, set SLACK_BOT_TOKEN and SLACK_APP_TOKEN, then npm start');
  say();
  say('Ctrl-C stops the server and the engines; the registry and the weights stay.');
}

function stopSignal(): Promise<unknown> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { connect } from '../../client/client.ts';
import type { Client } from '../../client/client.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { createLog } from '../../core/base/log.ts';
import { render } from '../../core/base/prose.ts';
import { loadConfig, quickstartEnvironment } from '../../core/config/load.ts';
import type { Core } from '../../core/core.ts';
import { createCore } from '../../core/create-core.ts';
import { startServer } from '../../http/server.ts';
import type { Server } from '../../http/server.ts';
import { chooseSource, makeFilesystem } from '../../quickstart/source.ts';
import type { QuickstartSource } from '../../quickstart/source.ts';
import { commandSpeaker } from '../speaker.ts';
import { callModel } from './call.ts';
import { print, runTyped, step } from './screen.ts';

interface Flags {
  exit?: boolean;
  offline?: boolean;
  repo?: string;
}

/** Runs the quickstart and returns its exit status. */
export async function quickstartCommand(flags: Flags): Promise<number> {
  try {
    await quickstart(flags);
    return 0;
  } catch (thrown) {
    const next = thrown instanceof EcolinkError ? `\n${render(thrown.nextStep, commandSpeaker())}` : '';
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    process.stderr.write(`\n${styleText('red', 'The quickstart failed:')} ${message}${next}\n`);
    return 1;
  }
}

/** The main job with its real output: register, launch, call, a filesystem, and a second launch that downloads nothing. */
async function quickstart(flags: Flags): Promise<void> {
  const stop = stopSignal();
  print(styleText('bold', 'EcoLink quickstart: register a model, launch it, call it.'));
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
  const client = await connect({ dataDir: config.dataDir, source: 'cli', singleUser: config.singleUser });
  step('Start the server');
  print(`   ${server.url}, with SQLite and the region "local"; everything lies in ${config.dataDir}`);
  await deleteInstances(client);
  await mainJob(source, environment, client, join(config.dataDir, 'local-token'));
  if (flags.exit) await deleteInstances(client);
  else {
    connectOthers(server.url, config.dataDir);
    await stop;
    print('Stopping.');
  }
}

async function mainJob(
  source: QuickstartSource,
  environment: Record<string, string>,
  client: Client,
  tokenPath: string,
): Promise<void> {
  const { name, repo } = source;
  const run = (...words: string[]) => runTyped(environment, ...words);
  step('Register a model from a Hugging Face repo');
  for (const line of source.words) print(`   ${line}`);
  if (await isNew(client, name))
    await run('register-model', name, '--source', 'huggingface', '--repo', repo, '--category', 'chat');
  else print(`   "${name}" is registered from an earlier run; models never change.`);
  step('Launch it: the weights are fetched into the region once, then an engine serves them');
  await run('launch-instance', name, '--wait');
  step('Call it at the OpenAI-compatible URL');
  await callModel(client, await newestModelId(client), tokenPath);
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
  } else print('   "quickstart-folder" is registered from an earlier run.');
  await run('list-models');
  step('Launch the first model again: its weights are there, nothing is downloaded');
  const plan = await client.call('plan_launch', { model: name });
  const state = plan.regions[0]?.volume.state;
  if (state !== 'hit' || plan.bytes_to_fetch !== 0) throw new Error('The weights should be in the cache, and are not.');
  print(`   The plan says: volume ${state}, ${plan.bytes_to_fetch} bytes to fetch.`);
  await run('launch-instance', name, '--wait');
  await run('list-instances');
  await run('list-cache');
}

/** Writes the folder, its filesystem and its configuration. Returns the environment for the programs that it runs. */
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

/** Uses the usual port, or a free one if another program (perhaps another EcoLink) has it. */
async function startOn(core: Core): Promise<Server> {
  try {
    return await startServer(core);
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'port_in_use') throw thrown;
    print(`   Port ${core.config.port} is in use, so a free one is used.`);
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
  const { items } = await client.call('list_instances', { limit: 1 });
  return items[0]?.model_id ?? '';
}

/** Stops and deletes the instances of this folder's server, of this run and of earlier ones. */
async function deleteInstances(client: Client): Promise<void> {
  const { items } = await client.call('list_instances', { limit: 100 });
  if (items.length === 0) return;
  step(`Stop and delete ${items.length === 1 ? 'the instance' : `${items.length} instances`}`);
  for (const { id, state } of items) {
    if (state !== 'stopped') await client.call('stop_instance', { instance: id });
  }
  for (const { id } of items) {
    for (;;) {
      const { state } = await client.call('get_instance', { instance: id, wait_seconds: 30 });
      if (state === 'stopped') break;
    }
    await client.call('delete_instance', { instance: id });
  }
  print('   done; the weights stay cached');
}

function connectOthers(url: string, dataDir: string): void {
  const here = `ECOLINK_DATA_DIR=${dataDir}`;
  print();
  print(styleText('bold', 'It stays up. In another terminal:'));
  print(`   ${here} npm run -s ecolink -- list-instances`);
  print(`   ${here} npm run -s ecolink -- --help`);
  print();
  print(styleText('bold', 'Connect an AI assistant'));
  print(`   over stdio   claude mcp add ecolink --env ${here} -- npm --prefix ${process.cwd()} run -s ecolink -- mcp`);
  print(
    `   over HTTP    ${url}/mcp with "Authorization: Bearer <token>"; make one: ${here} npm run -s ecolink -- token create assistant --agent --scope operate`,
  );
  print();
  print(styleText('bold', 'Connect Slack'));
  print('   docs/slack.md: make the app from manifest.json, set SLACK_BOT_TOKEN and SLACK_APP_TOKEN, then npm start');
  print();
  print('Ctrl-C stops the server and the engines; the registry and the weights stay.');
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../../src/core/base/log.ts';
import { loadConfig } from '../../../src/core/config/load.ts';
import { configFileSchema } from '../../../src/core/config/schema.ts';
import { createCore } from '../../../src/core/create-core.ts';
import { regionKinds } from '../../../src/core/regions/kinds.ts';
import { atTerminal } from '../../support/callers.ts';
import { startHub } from '../../support/hub/hub.ts';
import { toyKind } from '../../support/toy-region.ts';
import { calls, engineRuntime, temporaryFolder, weights } from '../instances/support/machine.ts';

const kinds = [...regionKinds, toyKind()];
const schema = configFileSchema(kinds.map(({ settings }) => settings));

let dataDir: string;
let path: string;

beforeEach(async () => {
  dataDir = await temporaryFolder();
  path = join(dataDir, 'ecolink.yaml');
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
});

async function configWith(region: object, hub: string, schemaOfFile = schema) {
  await writeFile(path, JSON.stringify({ regions: [region], runtimes: [engineRuntime] }));
  return loadConfig(
    { ECOLINK_DATA_DIR: dataDir, ECOLINK_CONFIG: path, ECOLINK_PORT: '0', HF_ENDPOINT: hub },
    schemaOfFile,
  );
}

const red = { name: 'box', kind: 'toy', colour: 'red' };

test('a kind of regions that only this test knows runs a model', async () => {
  await using hub = await startHub();
  hub.addRepo('acme/tiny', weights());
  const config = await configWith(red, hub.endpoint);
  const log = createLog({ level: 'silent', pretty: false });
  await using core = await createCore(config, log, { reconcile: true, regionKinds: kinds });
  const caller = await atTerminal(core);
  const machine = calls((operation, input, options) => core.execute(operation, input, caller, options));

  expect((await machine.run('list_regions', {}))['items']).toMatchObject([
    { name: 'box', kind: 'toy', reachable: true, version: 'red', runtimes: expect.arrayContaining(['engine']) },
  ]);
  await machine.register('tiny', 'acme/tiny');
  const id = await machine.launch('tiny', { replicas: 2 });
  expect(await machine.reach(id, 'running')).toMatchObject({ ready: 2, regions: [{ region: 'box', ready: 2 }] });
  expect(await machine.run('get_instance_logs', { instance: String(id) })).toMatchObject({
    logs: [{ region: 'box', lines: [`serving tiny:${id}`] }],
  });
  await machine.run('stop_instance', { instance: String(id) });
  await machine.reach(id, 'stopped');
});

test('the settings of a region are those of its kind', async () => {
  await expect(configWith({ ...red, colour: 'green' }, 'http://127.0.0.1:9')).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining('regions.0.colour: expected one of "red"|"blue"'),
  });
  await expect(configWith({ ...red, color: 'red' }, 'http://127.0.0.1:9')).rejects.toMatchObject({
    message: expect.stringContaining('Did you mean "colour"?'),
  });
});

test('a kind that is not in the table is an error that names the known kinds', async () => {
  await expect(
    configWith(red, 'http://127.0.0.1:9', configFileSchema(regionKinds.map(({ settings }) => settings))),
  ).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining('regions.0.kind'),
  });
  const config = await configWith(red, 'http://127.0.0.1:9');
  const log = createLog({ level: 'silent', pretty: false });
  await expect(createCore(config, log, { reconcile: true })).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining("regions.0.kind: expected 'local' | 'kubernetes'"),
  });
});

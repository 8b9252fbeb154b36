import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Config } from '../../../src/core/config/config.ts';
import { clientEnvironment, loadConfig } from '../../../src/core/config/load.ts';
import { configFile } from '../../../src/core/config/schema.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { startCore } from '../../support/core.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-config-'));
  path = join(folder, 'ecolink.yaml');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(text: string, environment: Record<string, string> = {}): Promise<Config> {
  await writeFile(path, text);
  return loadConfig({ ECOLINK_DATA_DIR: folder, ECOLINK_CONFIG: path, ...environment });
}

async function complaint(text: string): Promise<string> {
  const thrown: unknown = await load(text).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof EcolinkError)) throw new Error('The file was accepted, or failed without an EcolinkError');
  expect(thrown).toMatchObject({ kind: 'input', code: 'bad_config' });
  return thrown.message.replace(`${path}, `, '');
}

describe('with no file and no environment', () => {
  test('there is one local region, no filesystem, loopback, and the Hub itself', () => {
    expect(loadConfig({ ECOLINK_CONFIG: '/dev/null' })).toMatchObject({
      dataDir: join(homedir(), '.ecolink'),
      host: '127.0.0.1',
      port: 7420,
      hub: { endpoint: 'https://huggingface.co' },
      regions: [{ name: 'local', kind: 'local', accelerators: [] }],
      filesystems: [],
      runtimes: [],
      people: [],
      secrets: {},
      logLevel: 'info',
    });
    expect(loadConfig({ ECOLINK_CONFIG: '/dev/null' }).databaseUrl).toBeUndefined();
  });
});

describe('the file', () => {
  test('is found in the data folder', async () => {
    await writeFile(path, 'prices: { h100: 3.5 }');
    expect(loadConfig({ ECOLINK_DATA_DIR: folder }).prices).toEqual({ h100: 3.5 });
  });

  test('that is named and missing is reported as such', () => {
    const missing = () => loadConfig({ ECOLINK_CONFIG: join(folder, 'nowhere.yaml') });
    expect(missing).toThrow(expect.objectContaining({ code: 'bad_config' }));
    expect(missing).toThrow('nowhere.yaml cannot be read');
  });

  test('may be empty, or only have comments', async () => {
    expect((await load('# nothing yet\n')).regions).toHaveLength(1);
  });

  test('takes folders from the home folder and from the current folder', async () => {
    const text = [
      'regions:',
      '  - { name: a, kind: local, path: ~/a }',
      '  - { name: b, kind: local, path: /srv/b }',
      'filesystems: [{ name: nfs, region: b, path: ~/models }]',
    ].join('\n');
    const { regions, filesystems } = await load(text);
    expect(regions).toMatchObject([{ path: join(homedir(), 'a') }, { path: '/srv/b' }]);
    expect(filesystems).toMatchObject([{ path: join(homedir(), 'models') }]);
  });
});

describe('a mistake is reported with its line and what is expected there', () => {
  test.each([
    ['regions:\n  - name: local\n    kind: lokal\n', 'line 3: regions.0.kind: expected'],
    ['regions:\n  - name: Local\n    kind: local\n', 'line 2: regions.0.name: must be 1 to 48 lower-case letters'],
    ['regions: []\n', 'line 1: regions: '],
    ['prices:\n  h100: 3\n  a100: cheap\n', 'line 3: prices.a100: expected number, received string.'],
    ['prices:\n  h100: -1\n', 'line 2: prices.h100: '],
    ['# one\n\npeople:\n  - name: ada\n    role: boss\n', 'line 5: people.0.role: expected one of "viewer"|"member"'],
    [
      'people:\n  - { name: ada, role: admin, identities: [ada] }\n',
      'line 2: people.0.identities.0: must be "local" or',
    ],
    ['filesystems:\n  - name: nfs\n    region: local\n    mount_path: mnt\n', 'line'],
    ['runtimes:\n  - name: x\n    kind: local\n    categories: [chat]\n', 'line 2: runtimes.0.formats: expected array'],
  ])('%j', async (text, words) => {
    expect(await complaint(text)).toContain(words);
  });

  test('where a setting is unknown, at every depth', async () => {
    expect(await complaint('prices: {}\nregion: []\n')).toBe(
      'line 2: the file: unknown setting "region". Did you mean "regions"?',
    );
    expect(await complaint('regions:\n  - name: local\n    kind: local\n    folder: /srv\n')).toBe(
      'line 4: regions.0: unknown setting "folder".',
    );
  });

  test('where a setting is mistyped, with the right name for this place', async () => {
    const region = 'regions:\n  - { name: eu, kind: kubernetes, namespace: m, ecolink_image: "e:1", ';
    const said = async (setting: string) =>
      (await complaint(`${region}${setting} }\n`)).replace(/^.*unknown/, 'unknown');
    expect(await said('acess_mode: x')).toBe('unknown setting "acess_mode". Did you mean "access_mode"?');
    // Only a local region has "path".
    expect(await said('paths: /srv')).toBe('unknown setting "paths".');
    const policy = 'policy:\n  - { name: big, when: { opertions: [launch_instance] }, allow: true }\n';
    expect(await complaint(policy)).toContain('Did you mean "operations"?');
  });

  test('where a flag for launches is not defined well', async () => {
    const said = (flag: string, kind = 'built-in') =>
      complaint(`runtimes:\n  - name: vllm\n    kind: ${kind}\n    launch_arguments:\n      - ${flag}\n`);
    const at = 'line 5: runtimes.0.launch_arguments.0';
    expect(await said('{ flag: --lora-modules, value: text }')).toContain(`${at}.risk: expected string`);
    expect(await said('{ flag: lora-modules, value: none }')).toBe(
      `${at}.flag: must be a flag such as --max-num-seqs.`,
    );
    expect(await said('{ flag: --x, value: path }')).toContain(`${at}.value: `);
    expect(await said('{ flag: --x, value: one_of, choices: [a/b] }')).toContain(
      `${at}.choices.0: must be a short word`,
    );
    expect(await said('{ flag: --x, value: none, risks: y }')).toBe(
      `${at}: unknown setting "risks". Did you mean "risk"?`,
    );
    expect(await said('{ flag: --a-b, aliases: [--a_b], value: none }')).toBe(`${at}.flag: "--a-b" is listed twice.`);
    expect(await complaint('runtimes:\n  - { name: vlm, kind: built-in }\n')).toContain(
      'line 2: runtimes.0.name: expected one of "vllm"|',
    );
    expect(await complaint('runtimes:\n  - { name: vllm, kind: built-in, port: 80 }\n')).toContain(
      'unknown setting "port"',
    );
  });

  test('where the file is not YAML, or has no settings', async () => {
    expect(await complaint('prices: {}\nregions: [\n')).toMatch(/^line [23]: /);
    expect(await complaint('a: 1\na: 2\n')).toMatch(/^line 2: .*unique/);
    expect(await complaint('- just\n- a list\n')).toContain('line 1: the file: expected object');
  });

  test('where storage is cloned that all nodes can mount', async () => {
    const region = 'kind: kubernetes\n    namespace: models\n    ecolink_image: e:1\n    share: clone';
    const said = await complaint(`regions:\n  - name: eu\n    ${region}\n`);
    expect(said).toContain('regions.0.share: is for access_mode: ReadWriteOnce');
  });

  test('where a name refers to nothing, or is used twice', async () => {
    const filesystems = 'filesystems:\n  - name: nfs\n    path: /srv\n    region: mars\n';
    expect(await complaint(filesystems)).toBe('line 4: filesystems.0.region: expected one of the regions: local.');
    const twice = 'regions:\n  - { name: a, kind: local }\n  - { name: a, kind: local }\n';
    expect(await complaint(twice)).toBe('line 3: regions.1.name: "a" is used twice.');
  });
});

describe('the environment', () => {
  test('decides the folder, the port, the database and the Hub; an empty value is none', async () => {
    const environment = {
      ECOLINK_PORT: '0',
      ECOLINK_HOST: '',
      DATABASE_URL: 'postgres://u:p@db/ecolink',
      HF_ENDPOINT: 'http://hub.example/',
      HF_TOKEN: 'hf_secret',
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_APP_TOKEN: 'xapp-1',
    };
    expect(await load('', environment)).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      databaseUrl: 'postgres://u:p@db/ecolink',
      hub: { endpoint: 'http://hub.example' },
      secrets: { hfToken: 'hf_secret', slack: { botToken: 'xoxb-1', appToken: 'xapp-1' } },
    });
  });

  test.each([
    ['ECOLINK_PORT', 'many', 'expected number'],
    ['ECOLINK_PORT', '70000', '65535'],
    ['HF_ENDPOINT', 'huggingface.co', 'is not valid'],
    ['DATABASE_URL', 'mysql://secret-password@db', 'postgres'],
    ['DATABASE_URL', 'postgres://u:secret-password#1@db/eco', 'percent-encoded'],
    ['DATABASE_URL', 'postgres://u:secret-password%1@db/eco', 'percent-encoded'],
    ['ECOLINK_LOG_LEVEL', 'loud', 'expected one of "trace"'],
  ])('%s=%s is refused by name, without its value', async (name, value, words) => {
    const running = load('', { [name]: value });
    await expect(running).rejects.toMatchObject({ kind: 'input', code: 'bad_environment' });
    await expect(running).rejects.toThrow(`${name}: `);
    await expect(running).rejects.toThrow(words);
    await expect(running).rejects.not.toThrow('secret-password');
  });

  test('a variable that Kubernetes sets for a Service is explained', async () => {
    const running = load('', { ECOLINK_PORT: 'tcp://10.0.0.1:7420' });
    await expect(running).rejects.toMatchObject({ code: 'bad_environment', nextStep: /enableServiceLinks/ });
  });

  test('a secret from a file loses its line break, and one of two lines is refused without its value', async () => {
    const { secrets, host } = await load('', {
      HF_TOKEN: 'hf_secret\n',
      SLACK_BOT_TOKEN: ' xoxb-1',
      ECOLINK_HOST: '[::1]',
    });
    expect([secrets.hfToken, secrets.slack?.botToken, host]).toEqual(['hf_secret', 'xoxb-1', '::1']);
    const two = load('', { HF_TOKEN: 'hf_secret\nhf_other' });
    await expect(two).rejects.toMatchObject({ code: 'bad_environment', message: /^HF_TOKEN contains a line break/ });
    await expect(two).rejects.not.toThrow('hf_');
  });

  test('the keys of a gateway are PEM, which has lines', async () => {
    const pem = '-----BEGIN PUBLIC KEY-----\r\nabc\n-----END PUBLIC KEY-----\n';
    const { secrets } = await load('', { ECOLINK_GATEWAY_PUBLIC_KEY: pem, ECOLINK_GATEWAY_SIGNING_KEY: pem });
    expect(secrets.gateway).toMatchObject({ publicKey: pem.trim(), signingKey: pem.trim() });
    const other = load('', { ECOLINK_GATEWAY_PUBLIC_KEY: `${pem}\u001B[2J` });
    await expect(other).rejects.toMatchObject({ code: 'bad_environment' });
  });

  test('~ is the home folder in every path', async () => {
    const paths = { ECOLINK_DATA_DIR: '~/data', ECOLINK_KEY_FILE: '~/key', ECOLINK_AUDIT_KEY_FILE: '~/audit' };
    const { dataDir, secrets } = loadConfig(paths);
    expect([dataDir, secrets.key.file, secrets.auditKey.file]).toEqual(
      ['data', 'key', 'audit'].map((name) => join(homedir(), name)),
    );
  });

  test('of engines and downloads has no secret and little else', async () => {
    const { childEnvironment } = await load('', {
      PATH: '/bin',
      HF_TOKEN: 'hf_secret',
      AWS_SECRET_ACCESS_KEY: 'x',
      LANG: 'C',
    });
    expect(childEnvironment).toEqual({ PATH: '/bin', LANG: 'C' });
  });

  test('of a client names a server and a token, or neither', () => {
    expect(clientEnvironment({ ECOLINK_URL: 'http://x', ECOLINK_TOKEN: 'eco_1' })).toEqual({
      url: 'http://x',
      token: 'eco_1',
      singleUser: false,
    });
    expect(clientEnvironment({ ECOLINK_URL: '' })).toEqual({ singleUser: false });
  });
});

type Schema = z.core.JSONSchema.BaseSchema;

/** The names of all settings of a section, at every depth. */
function settingsOf(schema: Schema | boolean | undefined): string[] {
  if (typeof schema !== 'object') return [];
  const { items, additionalProperties, oneOf = [], anyOf = [], properties = {} } = schema;
  const below = [items, additionalProperties, ...oneOf, ...anyOf].flat();
  return [
    ...Object.entries(properties).flatMap(([name, inner]) => [name, ...settingsOf(inner)]),
    ...below.flatMap((each) => settingsOf(each)),
  ];
}

test('the annotated example is valid, and shows every setting of its sections', async () => {
  const example = fileURLToPath(new URL('../../../ecolink.example.yaml', import.meta.url));
  const config = loadConfig({ ECOLINK_DATA_DIR: folder, ECOLINK_CONFIG: example });
  expect(config.regions.map((region) => region.name)).toEqual(['local', 'local-two', 'eu-west']);
  const text = await readFile(example, 'utf8');
  const { properties = {} } = z.toJSONSchema(configFile, { io: 'input' });
  const sections = Object.keys(properties).filter((name) => new RegExp(`^${name}:`, 'm').test(text));
  expect(sections).toEqual(expect.arrayContaining(['regions', 'filesystems', 'runtimes', 'prices', 'people', 'cache']));
  const settings = sections.flatMap((name) => settingsOf(properties[name]));
  expect(
    settings.filter((name) => !new RegExp(`\\b${name}: `).test(text) && !new RegExp(`\\b${name}:$`, 'm').test(text)),
  ).toEqual([]);
});

test('each local region has its own folder and runtimes', async () => {
  const config = 'regions:\n  - { name: one, kind: local }\n  - { name: two, kind: local }\n';
  await using place = await startCore({ reconcile: false, config });
  const { items } = await place.run('list_regions');
  expect(items).toMatchObject([
    { name: 'one', reachable: true },
    { name: 'two', reachable: true },
  ]);
});

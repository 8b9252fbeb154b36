import { expect, onTestFinished, test } from 'vitest';
import { atEndpoint } from '../../../src/core/hub/endpoint-url.ts';
import { createHub } from '../../../src/core/hub/hub.ts';
import { pullManifest } from '../../../src/core/download/manifest.ts';
import { startHub } from '../../support/hub/hub.ts';
import { startMirror } from '../../support/mirror.ts';
import { isSame, manifestOf, pull, temporaryFolder } from '../download/pulling.ts';

const credential = { name: 'env', token: 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz' };
const config = `{"padding":"${'x'.repeat(2000)}"}`;
const files = {
  'config.json': config,
  'sub/tokenizer.json': '{}',
  'model.safetensors': { size: 200_000, seed: 'mirror' },
};

async function mirrored(renamed?: { from: string; to: string }) {
  const hub = await startHub({ treePage: 2 });
  onTestFinished(() => hub.close());
  hub.addToken(credential.token);
  const mirror = await startMirror(hub.endpoint, renamed);
  onTestFinished(() => mirror[Symbol.asyncDispose]());
  return { hub, mirror, repo: hub.addRepo('acme/tiny', { files }) };
}

test('a mirror under a path is asked for every page, though the pages name the original', async () => {
  const { mirror, repo } = await mirrored();
  const found = await createHub(mirror.endpoint).inspect('acme/tiny', 'main', credential);
  expect(found.commit).toBe(repo.head.sha);
  expect(found.files.map(({ path }) => path).toSorted()).toEqual(Object.keys(files).toSorted());
  expect(mirror.seen.filter((url) => url.includes('/tree/')).length).toBeGreaterThan(1);
});

test('a mirror that compresses small files, asked not to, gives the files all the same', async () => {
  const { hub, mirror, repo } = await mirrored();
  await using folder = await temporaryFolder();
  const manifest = pullManifest.parse({ ...manifestOf(hub, repo), endpoint: mirror.endpoint });
  expect(await pull(manifest, folder.path)).toMatchObject({ status: 0 });
  expect(await isSame(folder.path, 'config.json', Buffer.from(config))).toBe(true);
  const text = await createHub(mirror.endpoint).readText('acme/tiny', repo.head.sha, 'config.json', 9999, undefined);
  expect(text).toBe(config);
});

test('a redirect of the original stays under the path of the mirror', async () => {
  const { hub, mirror, repo } = await mirrored({ from: 'acme/old', to: 'acme/tiny' });
  await createHub(mirror.endpoint).probe('acme/old', repo.head.sha, 'model.safetensors', credential);
  await using folder = await temporaryFolder();
  const manifest = pullManifest.parse({ ...manifestOf(hub, repo), repo: 'acme/old', endpoint: mirror.endpoint });
  expect(await pull(manifest, folder.path)).toMatchObject({ status: 0 });
  expect(mirror.seen.every((url) => url.startsWith('/hf/'))).toBe(true);
});

const addresses: [string, string, string][] = [
  ['https://hub.test', 'https://hub.test/api/x?a=1', 'https://hub.test/api/x?a=1'],
  ['https://hub.test', 'https://huggingface.co/api/x?cursor=b', 'https://hub.test/api/x?cursor=b'],
  ['https://hub.test/hf', 'https://hub.test/hf/api/x', 'https://hub.test/hf/api/x'],
  ['https://hub.test/hf', 'https://hub.test/api/x', 'https://hub.test/hf/api/x'],
  ['https://hub.test/hf', 'https://huggingface.co/hf/api/x', 'https://hub.test/hf/api/x'],
  ['https://hub.test/hf/', 'https://hub.test/hfx/y', 'https://hub.test/hf/hfx/y'],
  ['http://hub.test:81', 'https://hub.test/a', 'http://hub.test:81/a'],
];
test.each(addresses)('at %s, %s is %s', (endpoint, url, expected) => {
  expect(atEndpoint(endpoint, new URL(url)).href).toBe(expected);
});

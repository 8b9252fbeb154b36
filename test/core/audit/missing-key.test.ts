import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';

test('a missing key is made once, and never again for an audit log that has rows', async () => {
  await using folder = await modelFolder();
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-audit-key-'));
  const file = join(dataDir, 'audit.key');
  const start = (environment: Record<string, string> = {}) =>
    startCore({
      dataDir,
      reconcile: false,
      config: folder.config,
      environment: { ECOLINK_AUDIT_KEY: '', ECOLINK_AUDIT_KEY_FILE: file, ...environment },
    });
  {
    await using place = await start();
    await place.run('register_model', tiny);
  }
  const key = (await readFile(file, 'utf8')).trim();
  await chmod(file, 0o644);
  await (await start())[Symbol.asyncDispose]();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await rm(file);
  await expect(start()).rejects.toMatchObject({ code: 'audit_key_missing', message: expect.stringContaining(file) });
  await expect(stat(file)).rejects.toThrow('ENOENT');
  await (await start({ ECOLINK_AUDIT_KEY: key }))[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true });
});

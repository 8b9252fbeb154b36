import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { inSlack } from '../support/callers.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import { startInstallable } from './cloud-place.ts';

test('an owner whose first account Slack does not serve any more is warned at the next', async () => {
  await using folder = await modelFolder();
  const people = [{ name: 'max', role: 'admin', identities: ['local', 'slack:T1/UMAX', 'slack:T2/UMAX'] }];
  const slack = { workspaces: ['T1', 'T2'] };
  await using running = await startInstallable({ config: { people, slack, ...(parse(folder.config) as object) } });
  const { cloud, place } = running;
  const [first, second] = [cloud.agree({ team: 'T1' }), cloud.agree({ team: 'T2' })];
  for (const agreed of [first, second]) await running.install({}, agreed);
  await fetch(`${cloud.apiUrl}auth.revoke`, { method: 'POST', headers: { authorization: `Bearer ${first.token}` } });
  const max = await inSlack(place.core, 'UMAX');
  await place.run('register_model', tiny, max);
  await place.run('launch_instance', { model: 'tiny', stop_after: '1h' }, max);
  const database = new Sqlite(join(place.dataDir, 'ecolink.db'), { timeout: 5000 });
  database.prepare('update instances set stop_at = ?').run(new Date(Date.now() + 600_000).toISOString());
  database.close();
  await expect
    .poll(() => cloud.callsOf('chat.postMessage').map(({ token }) => token), { timeout: 20_000 })
    .toEqual([first.token, second.token]);
});

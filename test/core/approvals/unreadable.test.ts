import { expect, test } from 'vitest';
import { decisionPlace } from './place.ts';

const policy = `
policy:
  - when: { operations: [launch_instance] }
    require: { approvers: { roles: [approver] } }
`;

test.each([
  ['preview', '{"summary": 7}'],
  ['preview', 'no JSON'],
  ['needs', '{"approvers":[{"roles":["approver"]}],"quorum":1,"ttl":"1h","from_a_later_version":true}'],
  ['scopes', '["all"]'],
])('a request with a %s that cannot be read fails alone, is hidden from others and expires', async (column, text) => {
  await using p = await decisionPlace(policy, false);
  const { run, max, mia, ada } = p;
  await run(max, 'launch_instance', { model: 'tiny' });
  await run(max, 'launch_instance', { model: 'tiny', replicas: 2 });
  p.meddle(`update approvals set ${column} = '${text}' where id = 1`);
  const listed = async (who = max) => (await run(who, 'list_approvals'))['items'];
  expect(await listed()).toMatchObject([
    { id: 2, what: 'Launch tiny (nfs:tiny)' },
    { id: 1, state: 'pending', what: 'What it asks for cannot be read.' },
  ]);
  expect(await listed(await p.as('root'))).toHaveLength(2);
  expect(await listed(ada)).toMatchObject([{ id: 2 }]);
  expect(await listed(mia)).toEqual([]);
  await expect(p.approve(ada)).rejects.toMatchObject({ code: 'unexpected' });
  await p.approve(ada, '2');
  p.meddle(`update approvals set expires_at = '2026-01-01T00:00:00.000Z' where id = 1`);
  expect(await listed()).toMatchObject([{ state: 'approved' }, { state: 'expired' }]);
});

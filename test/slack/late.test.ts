import { expect, test } from 'vitest';
import { startInstallable } from './cloud-place.ts';

test.each(['approval.deny', 'ending.extend'])('who clicks %s and gets no form is told so', async (action) => {
  await using running = await startInstallable();
  const { cloud } = running;
  await running.install({}, cloud.agree({ team: 'T1', users: { UADA: { team_id: 'T1' } } }));
  cloud.broken.set('views.open', 'expired_trigger_id');
  await running.interact({
    type: 'block_actions',
    trigger_id: 'x',
    user: { id: 'UADA', team_id: 'T1' },
    team: { id: 'T1' },
    container: {},
    actions: [{ type: 'button', action_id: action, block_id: 'b', value: '1' }],
    response_url: `${cloud.url}/answer`,
  });
  await expect.poll(() => cloud.answers.join(), { timeout: 15_000 }).toContain('Slack waits three seconds for a form');
});

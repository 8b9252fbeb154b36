import { fail } from '../base/errors.ts';
import { fieldRef, run, say } from '../base/prose.ts';
import type { LaunchPlan } from './plan-launch.ts';

/**
 * Throws `plan_changed` if the digest is not that of the plan. Throws `changed_since_registration` without a digest, if
 * the folder of the model has changed.
 */
export function refuseOtherPlan(made: LaunchPlan, digest: string | undefined, action: 'launch' | 'restart'): void {
  if (digest === made.digest) return;
  if (digest !== undefined) {
    throw fail('plan_changed', 'The plan has changed since its digest was made.', {
      nextStep:
        action === 'launch'
          ? say`Plan again (${run('plan_launch', { model: made.model })}) and launch with the new digest.`
          : say`Restart without ${fieldRef('plan_digest')}. If something has to be accepted, the answer says what, with its digest.`,
      field: 'plan_digest',
    });
  }
  if (made.changes.length === 0) return;
  throw fail(
    'changed_since_registration',
    `The folder of "${made.model}" has changed since it was registered: ${made.changes.join('; ')}.`,
    {
      nextStep: say`Register the folder under another name, or accept the change: ${action} again with ${fieldRef('plan_digest', made.digest)}.`,
      field: 'plan_digest',
      validValues: [made.digest],
    },
  );
}

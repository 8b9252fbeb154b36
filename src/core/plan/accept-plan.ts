import { fail } from '../base/errors.ts';
import type { LaunchPlan } from './plan-launch.ts';

/**
 * Throws where the plan is not the one that the caller accepted by its digest, and where the model's folder is not the
 * one that was registered and nobody accepted that.
 */
export function refuseOtherPlan(made: LaunchPlan, digest: string | undefined, action: 'launch' | 'restart'): void {
  if (digest === made.digest) return;
  if (digest !== undefined) {
    throw fail('plan_changed', 'The plan is not the one that was looked at any more.', {
      nextStep:
        action === 'launch'
          ? 'Look at the plan again (plan_launch) and launch with its digest.'
          : 'Restart without plan_digest: if there is anything to accept, the answer names it and its digest.',
      field: 'plan_digest',
    });
  }
  if (made.changes.length === 0) return;
  throw fail(
    'changed_since_registration',
    `The folder of "${made.model}" has changed since it was registered: ${made.changes.join('; ')}.`,
    {
      nextStep: `Register the folder under another name, or accept the change: ${action} again with plan_digest "${made.digest}".`,
      field: 'plan_digest',
      validValues: [made.digest],
    },
  );
}

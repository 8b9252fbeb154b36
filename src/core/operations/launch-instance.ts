import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { previewLaunch } from './previews/launch.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { durationSchema } from '../base/duration.ts';
import { launchFields } from './launch-fields.ts';
import { committedLaunch, idempotency, receipt } from './shapes.ts';

export const launchInstance = defineMutation({
  name: 'launch_instance',
  title: 'Launch an instance',
  description: say`Starts an endpoint of a registered model and returns at once with its number. ${run('get_instance')} follows it. Weights are fetched once per region and shared. Call it with model "<name>:<instance>".`,
  group: 'instances',
  effect: 'write',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'launch', form: true },
  withoutServer: false,
  waitsFor: 'running',
  input: z.strictObject({
    ...launchFields,
    plan_digest: field(z.string().max(100).optional(), {
      label: 'Plan digest',
      help: say`Digest from ${run('plan_launch')}: the launch is refused if the plan has changed since.`,
      advanced: true,
    }),
    stop_after: field(durationSchema.optional(), {
      label: 'Stop after',
      help: 'Stops the instance by itself after this time: 90m, 8h, 2d.',
      example: '8h',
      advanced: true,
    }),
    reason: field(z.string().max(500).optional(), {
      label: 'Reason',
      help: 'Why it is needed, for approvers and the audit.',
      example: 'demo on Friday',
      advanced: true,
    }),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ model: 'qwen-small' }, { model: 'qwen-small', regions: ['eu', 'us'], replicas: 2, stop_after: '8h' }],
  prepare: (input, { services, caller, accepted }) => services.instances.prepareLaunch(input, caller, accepted),
  preview: previewLaunch,
  committed: committedLaunch,
  commit: (prepared, unit, { services }) => services.instances.commitLaunch(prepared, unit),
  respond: (committed, { services, caller, replayed }) => services.instances.launchReceipt(committed, replayed, caller),
});

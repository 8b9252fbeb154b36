import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { launchFields } from './launch-fields.ts';
import { planShape } from './shapes.ts';

export const planLaunch = defineQuery({
  name: 'plan_launch',
  title: 'Plan a launch',
  description: say`Shows what ${run('launch_instance')} would do. Per region: the volume (hit, joining a download, or bytes to fetch), runtime, image, accelerators, context length, cost per hour, time. The digest lets you launch exactly this plan.`,
  group: 'instances',
  effect: 'read',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'launch', step: true },
  withoutServer: false,
  input: z.strictObject(launchFields),
  output: planShape,
  examples: [{ model: 'qwen-small' }, { model: 'qwen-small', regions: ['eu', 'us'], replicas: 2 }],
  handler: (input, { services, caller }) => services.instances.plan(input, caller),
});

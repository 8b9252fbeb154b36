import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { quantizations } from '../runtimes/launch-fields.ts';
import { field } from '../operation/operation.ts';
import { modelField, regionsField } from './shapes.ts';

/** How an instance runs. `plan_launch` and `launch_instance` share these fields. */
export const launchFields = {
  model: field(z.string().min(1), modelField),
  regions: field(z.array(z.string().min(1)).min(1).max(20).optional(), regionsField),
  replicas: field(z.int().min(1).max(100).optional(), {
    label: 'Replicas',
    help: 'Replicas in each region. Default: 1.',
    example: '1',
  }),
  accelerator: field(z.string().min(1).max(100).optional(), {
    label: 'Accelerator',
    help: say`Kind of GPU, as ${run('list_regions')} names it.`,
    example: 'h100',
    advanced: true,
  }),
  accelerator_count: field(z.int().min(1).max(64).optional(), {
    label: 'Accelerators per replica',
    help: 'How many accelerators each replica uses.',
    example: '1',
    advanced: true,
  }),
  runtime: field(z.string().min(1).max(100).optional(), {
    label: 'Runtime',
    help: 'Engine that serves the model. EcoLink chooses one unless given.',
    example: 'llama.cpp',
    advanced: true,
  }),
  context_length: field(z.int().min(16).max(10_000_000).optional(), {
    label: 'Context length',
    help: 'Tokens of prompt plus answer, at most. As many as fit unless given.',
    example: '8192',
    advanced: true,
  }),
  max_sequences: field(z.int().min(1).max(9999).optional(), {
    label: 'Calls at a time',
    help: 'Calls that a replica runs at once.',
    example: '64',
    advanced: true,
  }),
  memory_share: field(z.number().min(0.05).max(1).optional(), {
    label: 'Memory share',
    help: "Part of each GPU's memory to take.",
    example: '0.8',
    advanced: true,
  }),
  quantization: field(z.enum(quantizations).optional(), {
    label: 'Quantization',
    help: "Default: the model's own.",
    example: 'fp8',
    advanced: true,
  }),
  arguments: field(z.array(z.string().max(500)).max(100).optional(), {
    label: 'Arguments',
    help: 'More arguments for the engine, one per item.',
    example: '--enforce-eager',
    advanced: true,
  }),
  allow_pickle: field(z.boolean().optional(), {
    label: 'Allow pickle',
    help: 'Accept pickle weights. Loading them can run code from the model.',
    advanced: true,
  }),
  private: field(z.boolean().optional(), {
    label: 'Private',
    help: 'Only you and admins can see and call it.',
    advanced: true,
  }),
};

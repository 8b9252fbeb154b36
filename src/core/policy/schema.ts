import { z } from 'zod';
import { assurances, roles } from '../base/caller.ts';
import { durationSchema } from '../base/duration.ts';

const names = z.array(z.string().min(1)).min(1);
const clock = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time of day such as 18:00');

const zoneSchema = z.string().refine((zone) => {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: zone }).format() !== '';
  } catch {
    return false;
  }
}, 'must be a time zone such as Europe/Berlin');

/** Who may decide: everybody who is in one of the three lists. */
const approverSetSchema = z
  .strictObject({ people: names.optional(), groups: names.optional(), roles: z.array(z.enum(roles)).min(1).optional() })
  .refine(({ people, groups, roles: named }) => people ?? groups ?? named, 'must name people, groups or roles');

/** A rule fits if all of its matchers fit. A rule without matchers always fits. */
const whenSchema = z.strictObject({
  operations: names.optional(),
  /** Fits if the operation uses one of these regions. */
  regions: names.optional(),
  accelerators: names.optional(),
  /** Fits if the requester would use at least so many accelerators after the operation. */
  gpus: z.int().positive().optional(),
  /** Fits if everything the requester uses would cost more than this per hour. An unknown price fits. */
  cost_per_hour: z.number().nonnegative().optional(),
  /** Fits if the weights have more bytes than this. */
  model_bytes: z.number().nonnegative().optional(),
  /** Names as on the Hub. `unknown` is for a model without a licence. */
  licences: names.optional(),
  gated: z.boolean().optional(),
  /** True: the engine runs code from the model. */
  trust_remote_code: z.boolean().optional(),
  /** True: a selected file is a pickle file. */
  pickle: z.boolean().optional(),
  roles: z.array(z.enum(roles)).min(1).optional(),
  agent: z.boolean().optional(),
  /** True: the operation adds replicas, bytes to download or arguments for an engine. */
  adds: z.boolean().optional(),
  /** False: launches, restarts and scalings of instances that do not stop by themselves. */
  stop_after: z.boolean().optional(),
  /** True: the operation destroys something. */
  destroys: z.boolean().optional(),
  /** Time of day of the call. If `from` is later than `to`, the hours go over midnight. */
  hours: z.strictObject({ from: clock, to: clock, zone: zoneSchema.default('UTC') }).optional(),
});

const requireSchema = z.strictObject({
  approvers: approverSetSchema,
  quorum: z.int().min(1).max(20).default(1),
  ttl: durationSchema.default('24h'),
  reason_required: z.boolean().default(false),
  /** True: the requester may approve, also what their own agent asked for. */
  requester_may_approve: z.boolean().default(false),
  /** How approvals must be made to count: one way, or a list of ways. */
  assurance: z.union([z.enum(assurances).transform((one) => [one]), z.array(z.enum(assurances)).min(1)]).optional(),
  /** When the approvers are reminded. */
  remind_after: durationSchema.optional(),
  /** After this time without a decision, these people may decide too. */
  escalate: z.strictObject({ after: durationSchema, approvers: approverSetSchema }).optional(),
});

const ruleSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    when: whenSchema.default({}),
    allow: z.literal(true).optional(),
    /** The reason that the requester reads. */
    deny: z.string().min(1).max(300).optional(),
    require: requireSchema.optional(),
  })
  .refine(
    ({ allow, deny, require }) => [allow, deny, require].filter((each) => each !== undefined).length === 1,
    'must have one answer: allow, deny or require',
  );

/** The first rule that fits answers. If none fits, the default rules follow. */
export const policySchema = z.array(ruleSchema);

/** Rules as the audit keeps them: all of them have a name. */
export const namedRulesSchema = z.array(ruleSchema.and(z.object({ name: z.string() })));

const storedApproverSet = z.strictObject({
  people: z.array(z.string()).optional(),
  groups: z.array(z.string()).optional(),
  roles: z.array(z.enum(roles)).optional(),
});

/** What open requests need, as it is stored. Strict: a condition that this version does not know must not be left out. */
export const needsSchema = z.strictObject({
  approvers: z.array(storedApproverSet).min(1),
  quorum: z.int().min(1),
  ttl: z.string(),
  reason_required: z.boolean(),
  requester_may_approve: z.boolean(),
  /** Empty if two rules allow no way in common. Then nobody can approve. */
  assurance: z.array(z.enum(assurances)).optional(),
  remind_after: z.string().optional(),
  escalate: z.strictObject({ after: z.string(), approvers: storedApproverSet }).optional(),
});

export const approvalsSchema = z.strictObject({
  /** A person needs approval if what they run would cost more than this per hour after the operation. */
  person_cost_per_hour: z.number().nonnegative().optional(),
  /** How many open requests a person may have. */
  open_requests: z.int().min(1).max(1000).default(20),
  /** People who may run an open request without its approvers. */
  break_glass: z.array(z.string().min(1)).default([]),
});

export type PolicyRule = z.output<typeof ruleSchema>;
export type When = PolicyRule['when'];
export type ApproverSet = z.output<typeof approverSetSchema>;
export type Requirement = z.output<typeof requireSchema>;
export type ApprovalsConfig = z.output<typeof approvalsSchema>;

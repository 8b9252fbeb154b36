import { z } from 'zod';
import { roles } from '../base/caller.ts';
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

/** Who may decide: anybody whom one of the three names. */
export const whoSchema = z
  .strictObject({ people: names.optional(), groups: names.optional(), roles: z.array(z.enum(roles)).min(1).optional() })
  .refine((who) => who.people ?? who.groups ?? who.roles, 'must name people, groups or roles');

/** A rule is about what all of its matchers fit; one without matchers is about everything. */
const whenSchema = z.strictObject({
  operations: names.optional(),
  /** Any of the regions that the operation touches. */
  regions: names.optional(),
  accelerators: names.optional(),
  /** At least so many accelerators in all that the requester would hold after the operation. */
  gpus: z.int().positive().optional(),
  /** More than this, per hour, for all that the requester would hold after the operation. An unknown price is more. */
  cost_per_hour: z.number().nonnegative().optional(),
  /** Weights of more bytes than this. */
  model_bytes: z.number().nonnegative().optional(),
  /** As the Hub names them; `unknown` for a model that states none. */
  licences: names.optional(),
  gated: z.boolean().optional(),
  /** Launches whose engine runs code that came with the model; and those whose weights are pickle files alone. */
  trust_remote_code: z.boolean().optional(),
  pickle: z.boolean().optional(),
  roles: z.array(z.enum(roles)).min(1).optional(),
  agent: z.boolean().optional(),
  /** What brings replicas, bytes to fetch or arguments for an engine. */
  adds: z.boolean().optional(),
  /** False: launches, restarts and scales of what would run without an end. */
  stop_after: z.boolean().optional(),
  /** What takes something away. */
  destroys: z.boolean().optional(),
  /** Time of day of the asking; `from` later than `to` goes over midnight. */
  hours: z.strictObject({ from: clock, to: clock, zone: zoneSchema.default('UTC') }).optional(),
});

const requireSchema = z.strictObject({
  approvers: whoSchema,
  quorum: z.int().min(1).max(20).default(1),
  ttl: durationSchema.default('24h'),
  reason_required: z.boolean().default(false),
  /** True: the requester may approve, what their own agent asked for too. */
  requester_may_approve: z.boolean().default(false),
  /** When those who decide are reminded. */
  remind_after: durationSchema.optional(),
  /** After so long without a decision these may decide too. */
  escalate: z.strictObject({ after: durationSchema, approvers: whoSchema }).optional(),
});

const ruleSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    when: whenSchema.default({}),
    allow: z.literal(true).optional(),
    /** The reason that is told. */
    deny: z.string().min(1).max(300).optional(),
    require: requireSchema.optional(),
  })
  .refine(
    ({ allow, deny, require }) => [allow, deny, require].filter((each) => each !== undefined).length === 1,
    'must have one answer: allow, deny or require',
  );

/** The first rule that fits answers; what none is about goes to the default rules. */
export const policySchema = z.array(ruleSchema);

export const approvalsSchema = z.strictObject({
  /** A person whose launches, scales, restarts and extensions would cost more than this per hour needs an approver. */
  person_cost_per_hour: z.number().nonnegative().optional(),
  /** Requests that one person may have waiting. */
  open_requests: z.int().min(1).max(1000).default(20),
  /** People who may run a waiting request without its approvers. */
  break_glass: z.array(z.string().min(1)).default([]),
});

export type PolicyRule = z.output<typeof ruleSchema>;
export type When = PolicyRule['when'];
export type Who = z.output<typeof whoSchema>;
export type Requirement = z.output<typeof requireSchema>;
export type ApprovalsConfig = z.output<typeof approvalsSchema>;

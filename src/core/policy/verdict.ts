import { createHash } from 'node:crypto';
import { z } from 'zod';
import { roles } from '../base/caller.ts';
import { canonicalJson, digestOf } from '../base/ids.ts';
import { parseJson } from '../base/parse-json.ts';
import { decide, decideWithoutPreview, stricter } from './decide.ts';
import type { NamedRule, Needs, PolicyAnswer } from './decide.ts';
import type { KnownFacts, PolicyFacts } from './facts.ts';
import { namedRulesSchema, needsSchema } from './schema.ts';

/** An answer of the policy, with everything that it follows from. */
export interface Verdict {
  answer: PolicyAnswer;
  rules: readonly NamedRule[];
  facts: KnownFacts | PolicyFacts;
  /** What an open request needs already. The stricter of this and the rules counts. */
  earlier?: Needs | undefined;
}

/** A verdict as the audit keeps it. */
export interface VerdictRecord {
  /** The sha256 of `rules`, 64 hex digits. */
  policyHash: string;
  /** The effective rules, as canonical JSON. */
  rules: string;
  facts: string;
  answer: string;
}

export function reachVerdict(rules: readonly NamedRule[], facts: PolicyFacts, earlier?: Needs): Verdict {
  const now = decide(rules, facts);
  return { answer: earlier ? stricter(earlier, now) : now, rules, facts, earlier };
}

/** The verdict if it does not depend on a preview, else undefined. */
export function reachEarlyVerdict(rules: readonly NamedRule[], facts: KnownFacts): Verdict | undefined {
  const answer = decideWithoutPreview(rules, facts);
  return answer && { answer, rules, facts };
}

/** Grows if the meaning of facts or rules changes: verdicts of another version cannot be recomputed. */
const version = 1;

export function recordOf({ answer, rules, facts, earlier }: Verdict): VerdictRecord {
  const text = canonicalJson(rules);
  return {
    policyHash: hashOfRules(text),
    rules: text,
    facts: canonicalJson({ version, facts, earlier }),
    answer: canonicalJson(answer),
  };
}

export function hashOfRules(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const knownShape = {
  operation: z.string(),
  role: z.enum(roles),
  agent: z.boolean(),
  askedAt: z.iso.datetime().transform((text) => new Date(text)),
};

const recordedFacts = z.union([
  z.strictObject({
    ...knownShape,
    destroys: z.boolean(),
    regions: z.array(z.string()).optional(),
    accelerators: z.array(z.string()).optional(),
    gpus: z.number().optional(),
    costPerHour: z.number().nullish(),
    modelBytes: z.number().optional(),
    licence: z.string().optional(),
    gated: z.boolean().optional(),
    trustRemoteCode: z.boolean().optional(),
    pickle: z.boolean().optional(),
    stopAfter: z.boolean().optional(),
    adds: z.boolean(),
  }),
  z.strictObject({ ...knownShape, destroys: z.boolean().optional() }),
]);

const factsRecord = z.strictObject({
  version: z.literal(version),
  facts: recordedFacts,
  earlier: needsSchema.optional(),
});

/** Rules as the audit keeps them. Undefined if this version cannot read them. */
export function readRules(text: string): readonly NamedRule[] | undefined {
  return namedRulesSchema.safeParse(parseJson(text)).data;
}

/** Decides again on recorded facts. Undefined if this version cannot read them. */
export function replay(rules: readonly NamedRule[], recorded: string): PolicyAnswer | undefined {
  const read = factsRecord.safeParse(parseJson(recorded));
  if (!read.success) return undefined;
  const { facts, earlier } = read.data;
  return 'adds' in facts ? reachVerdict(rules, facts, earlier).answer : reachEarlyVerdict(rules, facts)?.answer;
}

/** True if a recorded answer is this one. */
export function isAnswer(recorded: string, answer: PolicyAnswer): boolean {
  return digestOf(parseJson(recorded)) === digestOf(answer);
}

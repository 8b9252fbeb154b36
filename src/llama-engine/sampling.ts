import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { unsupported } from './api-error.ts';

/** Fields of `/v1/chat/completions` and `/v1/completions`. Clients send `null` for "not set". */
export const samplingFields = {
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(5).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  seed: z.int().nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  repeat_penalty: z.number().min(0).max(5).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  n: z.int().nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
};

export type SamplingFields = z.output<z.ZodObject<typeof samplingFields>>;

export interface Sampling {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  seed: number;
  /** The caller set the seed, so the same request must give the same answer. */
  isSeeded: boolean;
  repeatPenalty: false | { penalty: number; frequencyPenalty: number; presencePenalty: number };
  stop: string[];
}

/** The defaults of llama-server. Small models ramble at OpenAI's defaults: temperature 1, all tokens allowed. */
const defaults = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 };
const seedRange = 2 ** 32;

export function samplingOf(fields: SamplingFields): Sampling {
  refuseUnsupported(fields);
  const { seed } = fields;
  return {
    temperature: fields.temperature ?? defaults.temperature,
    topP: fields.top_p ?? defaults.topP,
    topK: fields.top_k ?? defaults.topK,
    minP: fields.min_p ?? defaults.minP,
    // llama.cpp takes an unsigned number of 32 bits. Without a seed node-llama-cpp would use the current second.
    seed: typeof seed === 'number' ? seed >>> 0 : randomInt(seedRange),
    isSeeded: typeof seed === 'number',
    repeatPenalty: penaltyOf(fields),
    stop: [fields.stop ?? []].flat().filter((text) => text !== ''),
  };
}

function penaltyOf(fields: SamplingFields): Sampling['repeatPenalty'] {
  const penalty = fields.repeat_penalty ?? 1;
  const frequencyPenalty = fields.frequency_penalty ?? 0;
  const presencePenalty = fields.presence_penalty ?? 0;
  if (penalty === 1 && frequencyPenalty === 0 && presencePenalty === 0) return false;
  return { penalty, frequencyPenalty, presencePenalty };
}

function refuseUnsupported(fields: SamplingFields): void {
  if ((fields.n ?? 1) !== 1) throw unsupported('n', 'This engine returns one answer per request: omit "n" or send 1.');
  if (Object.keys(fields.logit_bias ?? {}).length > 0) {
    throw unsupported('logit_bias', 'This engine does not support "logit_bias".');
  }
}

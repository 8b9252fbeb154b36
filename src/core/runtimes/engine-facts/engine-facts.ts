import type { Engine } from '../../config/schema.ts';
import type { EngineFacts } from './facts.ts';
import { llamaCppFacts } from './llama-cpp.ts';
import { sglangFacts } from './sglang.ts';
import { vllmFacts } from './vllm.ts';

const facts: Partial<Record<Engine, EngineFacts>> = {
  vllm: vllmFacts,
  sglang: sglangFacts,
  'llama.cpp': llamaCppFacts,
  'llama-engine': llamaCppFacts,
};

export function engineFactsOf(engine: Engine | undefined): EngineFacts | undefined {
  return engine && facts[engine];
}

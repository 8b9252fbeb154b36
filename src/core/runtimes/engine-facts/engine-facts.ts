import type { Engine } from '../../config/schema.ts';
import { llamaCppFacts } from './llama-cpp.ts';
import { sglangFacts } from './sglang.ts';
import { vllmFacts } from './vllm.ts';

/** What one version of an engine knows, as its own package says. `scripts/engines/refresh-facts.ts` writes it. */
export interface EngineFacts {
  source: string;
  version: string;
  /** As `architectures` of config.json, or as `general.architecture` of a GGUF. */
  architectures: readonly string[];
  toolParsers?: readonly string[];
  reasoningParsers?: readonly string[];
}

const facts: Partial<Record<Engine, EngineFacts>> = {
  vllm: vllmFacts,
  sglang: sglangFacts,
  'llama.cpp': llamaCppFacts,
  'llama-engine': llamaCppFacts,
};

export function engineFactsOf(engine: Engine | undefined): EngineFacts | undefined {
  return engine && facts[engine];
}

import { z } from 'zod';
import { closedArgumentSchema } from '../../config/launch-arguments.ts';
import type { LaunchArgument } from '../../config/launch-arguments.ts';
import { engines } from '../../config/schema.ts';
import type { Engine, RuntimeConfig } from '../../config/schema.ts';
import type { EngineList } from './engine-list.ts';
import { llamaCppList } from './llama-cpp.ts';
import { llamaEngineList } from './llama-engine.ts';
import { sglangList } from './sglang.ts';
import { teiList } from './tei.ts';
import { vllmList, vllmOmniList } from './vllm.ts';

/** The flags that EcoLink lists for each engine. */
export const engineLists: Record<Engine, EngineList> = {
  vllm: vllmList,
  'vllm-omni': vllmOmniList,
  sglang: sglangList,
  tei: teiList,
  'llama.cpp': llamaCppList,
  'llama-engine': llamaEngineList,
};

const lists = new Map(
  engines.map((engine) => [engine, z.array(closedArgumentSchema).parse(engineLists[engine].arguments)]),
);

/** The engine whose list counts for a runtime. Undefined: only the runtime's own flags count. */
export function engineOf({ engine, name }: Pick<RuntimeConfig, 'engine' | 'name'>): Engine | undefined {
  return engine ?? engines.find((each) => each === name);
}

/** The flags that a launch may give to a runtime. A flag of the runtime's definition replaces one of the engine's list. */
export function launchArgumentsOf(runtime: RuntimeConfig): LaunchArgument[] {
  const engine = engineOf(runtime);
  const own = new Set(runtime.launch_arguments.map(({ flag }) => flag));
  const listed = engine === undefined ? [] : (lists.get(engine) ?? []);
  return [...runtime.launch_arguments, ...listed.filter(({ flag }) => !own.has(flag))];
}

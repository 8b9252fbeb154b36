import { integer, oneOf } from './engine-list.ts';
import type { EngineList } from './engine-list.ts';

/** The built-in engine (src/llama-engine/arguments.ts). EcoLink sets the rest of its flags. */
export const llamaEngineList: EngineList = {
  source: 'src/llama-engine/arguments.ts',
  version: 'this version of EcoLink',
  arguments: [
    integer('--threads', { minimum: 1, maximum: 1024 }),
    integer('--parallel', { minimum: 1, maximum: 256 }),
    oneOf('--gpu', 'auto off'),
  ],
};

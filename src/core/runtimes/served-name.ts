import { engineOf } from './launch-arguments/lists.ts';
import type { Runtime } from './runtime.ts';

/** The parts of a model id, such as `tiny-chat:3`. */
export interface NamedInstance {
  name: string;
  id: number;
}

/**
 * SGLang refuses a name with a colon, and reads what follows a colon in a call as the name of an adapter
 * (github.com/sgl-project/sglang, python/sglang/srt/server_args.py, served_model_name).
 */
const withoutColon = '{model}-{instance}';
const modelId = '{model}:{instance}';

/** The name under which an engine of this runtime serves the instance. Undefined runtime: one that is no longer configured. */
export function servedNameOf(runtime: Runtime | undefined, { name, id }: NamedInstance): string {
  const pattern = runtime && (runtime.served_name ?? (engineOf(runtime) === 'sglang' ? withoutColon : undefined));
  return (pattern ?? modelId).replace(/\{(model|instance)\}/g, (_all, part) => (part === 'model' ? name : String(id)));
}

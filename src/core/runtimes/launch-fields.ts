import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import { plainFlag } from '../config/launch-arguments.ts';
import { flagName } from './model-code.ts';
import type { Runtime } from './runtime.ts';

/** Fields of a launch that mean the same on every engine, whatever its flag is called. */
export const engineFields = ['max_sequences', 'memory_share', 'quantization'] as const;
export type EngineField = (typeof engineFields)[number];

export interface EngineFieldValues {
  max_sequences?: number | undefined;
  memory_share?: number | undefined;
  quantization?: string | undefined;
}

/** Quantisations that vLLM and SGLang both know by this name (`--quantization`, 0.32.0 and 0.5.18). */
export const quantizations = ['fp8', 'mxfp8', 'mxfp4', 'awq', 'gptq'] as const;

/** The arguments for these fields. Throws `field_not_supported`, or `argument_repeated` if the launch gives the flag too. */
export function fieldArguments(runtime: Runtime, values: EngineFieldValues, given: readonly string[]): string[] {
  return engineFields.flatMap((field) => {
    const value = values[field];
    if (value === undefined) return [];
    const words = runtime.launch_fields[field];
    if (words === undefined) throw notSupported(runtime, field);
    refuseRepeated(field, words, given);
    return words.map((word) => word.replaceAll('{value}', () => String(value)));
  });
}

function refuseRepeated(field: EngineField, words: readonly string[], given: readonly string[]): void {
  const flags = new Set(given.map((word) => plainFlag(flagName(word))));
  const twice = words.find((word) => word.startsWith('-') && flags.has(word));
  if (twice === undefined) return;
  throw fail('argument_repeated', `The launch gives ${twice}, and the field that stands for it.`, {
    nextStep: say`Give either ${fieldRef(field)} or ${twice} in ${fieldRef('arguments')}.`,
    field: 'arguments',
  });
}

function notSupported(runtime: Runtime, field: EngineField): Error {
  return fail('field_not_supported', `The runtime "${runtime.name}" has no setting for this field.`, {
    nextStep: say`Leave out ${fieldRef(field)}, or name another runtime in ${fieldRef('runtime')}.`,
    field,
  });
}

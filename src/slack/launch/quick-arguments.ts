import { durationSchema } from '../../core/base/duration.ts';
import type { LaunchChoices } from './launch-form.ts';

/** The words that a typed launch may name. */
export interface KnownWords {
  regions: readonly string[];
  accelerators: readonly string[];
  runtimes: readonly string[];
}

export interface QuickLaunch {
  choices: LaunchChoices;
  /** What was not understood, as typed. */
  unclear: string[];
}

/** Reads `llama 2xh100 eu-west 8h "demo"`. The order does not matter, but the first unknown word is the model. */
export function readQuickLaunch(typed: string, known: KnownWords): QuickLaunch {
  const choices: LaunchChoices = {};
  const unclear: string[] = [];
  for (const word of wordsOf(typed, choices)) {
    if (!readWord(word, choices, known)) unclear.push(word);
  }
  return { choices, unclear };
}

/** The words of the line. A quoted part is the reason. */
function wordsOf(typed: string, choices: LaunchChoices): string[] {
  const line = typed.replaceAll(/["“”„«»]([^"“”„«»]*)["“”„«»]/g, (_all, quoted: string) => {
    choices.reason = [choices.reason, quoted.trim()].filter(Boolean).join(' ') || undefined;
    return ' ';
  });
  return line.split(/\s+/).filter(Boolean);
}

function readWord(word: string, choices: LaunchChoices, known: KnownWords): boolean {
  const lower = word.toLowerCase();
  const region = find(known.regions, lower);
  if (region !== undefined) {
    choices.regions = [...(choices.regions ?? []), region];
    return true;
  }
  const accelerators = readAccelerators(lower, known.accelerators);
  if (accelerators !== undefined) return set(choices, 'accelerators', accelerators);
  if (durationSchema.safeParse(lower).success) return set(choices, 'stop_after', lower);
  if (lower === 'private') {
    choices.private = true;
    return true;
  }
  const runtime = find(known.runtimes, lower);
  if (runtime !== undefined) return set(choices, 'runtime', runtime);
  const replicas = /^(?:replicas=)([1-9][0-9]{0,2})$|^([1-9][0-9]{0,2})(?:replicas?)$/.exec(lower);
  if (replicas) return set(choices, 'replicas', replicas[1] ?? replicas[2] ?? '1');
  // A model is not called `2xsomething`: that is an accelerator that no region has.
  return /^[0-9]+[x×*]/.test(lower) ? false : set(choices, 'model', word);
}

/** `h100`, `2xh100`, `2×h100`, `h100x2` or `h100:2`, as `h100:2`. */
function readAccelerators(word: string, known: readonly string[]): string | undefined {
  const [, before, after] = /^(?:([1-9][0-9]?)[x×*])?(.+)$/.exec(word) ?? [];
  if (after === undefined) return undefined;
  const [, name, behind] = /^(.+?)(?:[x×*:]([1-9][0-9]?))?$/.exec(after) ?? [];
  const whole = find(known, after);
  const kind = whole ?? find(known, name ?? '');
  if (kind === undefined) return undefined;
  return `${kind}:${before ?? (whole === undefined ? behind : undefined) ?? '1'}`;
}

function find(words: readonly string[], lower: string): string | undefined {
  return words.find((each) => each.toLowerCase() === lower);
}

/** Sets a choice once: a second value for the same field was not understood. */
function set(
  choices: LaunchChoices,
  field: 'model' | 'accelerators' | 'stop_after' | 'runtime' | 'replicas',
  value: string,
): boolean {
  if (choices[field] !== undefined) return false;
  choices[field] = value;
  return true;
}

import { formatBytes } from '../../base/format.ts';
import { fail } from '../../base/errors.ts';
import { fieldRef, run, say } from '../../base/prose.ts';
import type { EcolinkError } from '../../base/errors.ts';
import type { PullFile } from '../../base/pull-file.ts';
import type { PatternField } from './patterns.ts';

const shown = 5;

export function listed(names: readonly string[]): string {
  const more = names.length > shown ? ` and ${names.length - shown} more` : '';
  return `${names.slice(0, shown).join(', ')}${more}`;
}

/** The source has files, and no engine can load any of them. */
export function notAModel(
  files: readonly { path: string }[],
  why = 'no weights (*.safetensors, *.gguf, *.bin, *.pt, *.onnx)',
): EcolinkError {
  const found = files.length === 0 ? 'It is empty' : `It holds ${listed(files.map(({ path }) => path))}`;
  return fail('not_a_model', `This does not look like a model: ${why}. ${found}.`, {
    nextStep: 'Name the repo or folder that holds the weights and their config.json.',
  });
}

export function emptyWeights(files: readonly PullFile[]): EcolinkError {
  return fail('empty_weights', `The weights are empty files: ${listed(files.map(({ path }) => path))}.`, {
    nextStep: 'Upload or copy the weights again, then check once more.',
  });
}

export function isAdapter(base: string | undefined): EcolinkError {
  const of = base === undefined ? '' : ` for ${base}`;
  const next =
    base === undefined
      ? 'Register the model that it was trained from, or a merged model.'
      : `Register ${base}, or a model with the adapter merged into it.`;
  return fail('adapter_not_a_model', `This is an adapter (LoRA)${of}: it has no weights of a model.`, {
    nextStep: next,
  });
}

export function onlyCheckpoints(folders: readonly string[]): EcolinkError {
  return fail('only_checkpoints', `The weights are only in checkpoint folders of a training run: ${listed(folders)}.`, {
    nextStep: say`Put the finished model at the top, or choose one checkpoint with ${fieldRef('include')}.`,
    validValues: folders.map((folder) => `${folder}/**`),
  });
}

export function missingShardsError(missing: readonly string[], isLeftOut: boolean): EcolinkError {
  const gone = isLeftOut ? 'are left out by the patterns' : 'are not there';
  return fail('missing_shards', `The weights are not complete: ${listed(missing)} ${gone}.`, {
    nextStep: isLeftOut
      ? say`Loosen ${fieldRef('include')} and ${fieldRef('exclude')}: every shard is needed.`
      : say`Upload or copy the missing files, or choose another copy with ${fieldRef('include')}.`,
    field: isLeftOut ? 'include' : undefined,
  });
}

export function severalModels(models: readonly { name: string; pattern: string; bytes: number }[]): EcolinkError {
  const named = listed(models.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`));
  return fail('several_models', `There are ${models.length} models here: ${named}.`, {
    nextStep: say`Choose one with ${fieldRef('include')}. On a filesystem, ${fieldRef('subfolder')} may point at one.`,
    field: 'include',
    validValues: models.map(({ pattern }) => pattern),
  });
}

export function nothingSelected(field: PatternField): EcolinkError {
  return fail('nothing_selected', 'The selection leaves no file to fetch.', {
    nextStep: say`Loosen ${fieldRef('include')} and ${fieldRef('exclude')}. Without them, ${run('check_model')} shows all files.`,
    field,
  });
}

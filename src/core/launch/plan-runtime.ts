import { inputError, refused } from '../errors.ts';
import type { Places } from '../regions/places.ts';
import { isPickle } from '../registry/model.ts';
import { splitsEvenly, tensorParallelSizes } from '../registry/sizing/tensor-parallel.ts';
import { isImageAllowed } from '../runtimes/kubernetes/allowed-images.ts';
import { codeRun, ownedFlag, serves, splitProblem } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { OwnedModel } from '../store/models.ts';

/** Throws where none serves the model, or where the region does not let its image in. */
export function chooseRuntime(places: Places, region: string, model: OwnedModel, named: string | undefined): Runtime {
  const runtime = pickRuntime(places, region, model, named);
  if (!runtime) throw noRuntime(places, region, model, named);
  if (letsIn(places, region, runtime)) return runtime;
  const image = runtime.kind === 'kubernetes' ? runtime.image : '';
  throw refused('image_not_allowed', `The region ${region} does not allow the image ${image}.`, {
    nextStep: "Launch with another runtime, or add the image to the region's images_allowed in ecolink.yaml.",
    field: 'runtime',
  });
}

/** The named runtime, or the first that serves the model and that the region lets in. */
export function pickRuntime(
  places: Places,
  region: string,
  model: OwnedModel,
  named: string | undefined,
): Runtime | undefined {
  const fitting = places.runtimesFor(region, model.category, model.format, model.task);
  if (named !== undefined) return fitting.find((runtime) => runtime.name === named);
  return fitting.find((runtime) => letsIn(places, region, runtime)) ?? fitting[0];
}

/** Whether the region's allowlist has the runtime's image. */
export function letsIn(places: Places, region: string, runtime: Runtime): boolean {
  const config = places.configOf(region);
  if (config.kind !== 'kubernetes' || runtime.kind !== 'kubernetes' || !config.images_allowed) return true;
  return isImageAllowed(runtime.image, config.images_allowed);
}

export function noRuntime(places: Places, region: string, model: OwnedModel, named: string | undefined): Error {
  const there = places.runtimes(region);
  const other = there.find((runtime) => runtime.name === named);
  if (named !== undefined && other && !serves(other, model.category, model.format, model.task)) {
    return inputError(
      'runtime_does_not_fit',
      `The runtime "${named}" serves ${other.categories.join(', ')} models in ${other.formats.join(', ')}, not ${model.category} in ${model.format}.`,
      {
        nextStep: 'Leave the runtime out, or name one that fits.',
        field: 'runtime',
        validValues: places
          .runtimesFor(region, model.category, model.format, model.task)
          .map((runtime) => runtime.name),
      },
    );
  }
  const what =
    named === undefined
      ? `No runtime serves ${model.category} models in ${model.format} in the region ${region}`
      : `The region ${region} has no runtime "${named}"`;
  return refused('no_runtime', `${what}.`, {
    nextStep:
      model.format === 'gguf'
        ? 'Install llama.cpp (llama-server on the PATH, or the npm package node-llama-cpp), or add a runtime to ecolink.yaml.'
        : 'Install vLLM so that "vllm" is on the PATH, or add a runtime under "runtimes" in ecolink.yaml.',
    field: 'runtime',
    validValues: there.map((runtime) => runtime.name),
  });
}

export function refuseArguments(runtime: Runtime, given: readonly string[]): void {
  const owned = ownedFlag(runtime, given);
  if (owned !== undefined) {
    throw inputError('argument_owned', `EcoLink sets ${owned} for ${runtime.name} itself.`, {
      nextStep: 'Leave it out of the arguments.',
      field: 'arguments',
    });
  }
  refuseUnnamedTrust(runtime, given);
}

/** A runtime of the config may run the model's code for all its models: each launch names it all the same. */
function refuseUnnamedTrust(runtime: Runtime, given: readonly string[]): void {
  const unnamed = codeRun(runtime.arguments).filter((flag) => !codeRun(given).includes(flag));
  if (unnamed.length === 0) return;
  throw refused('remote_code_not_named', `The runtime "${runtime.name}" runs code that comes with the model.`, {
    nextStep: `If you trust it, name ${unnamed.join(' and ')} in the arguments; or take another runtime.`,
    field: 'arguments',
    validValues: unnamed,
  });
}

export function refuseUnnamedPickle(model: OwnedModel, allowed: boolean | undefined): void {
  if (!isPickle(model) || allowed === true) return;
  throw refused(
    'pickle_not_allowed',
    `The weights of "${model.name}" are pickle files alone: loading them can run code that came with them.`,
    {
      nextStep: 'If you trust where they come from, launch with allow_pickle; or register a repo with safetensors.',
      field: 'allow_pickle',
      validValues: ['true'],
    },
  );
}

/** More accelerators than any node has. */
const mostRanks = 64;

export function refuseSplit(runtime: Runtime, model: OwnedModel, count: number): void {
  const { architecture } = model;
  const splits = runtime.parallel_argument === undefined || splitsEvenly(architecture, count || 1);
  const why =
    splitProblem(runtime, architecture, count || 1) ?? (splits ? undefined : `its layers cannot be split by ${count}`);
  if (why === undefined) return;
  const sizes = tensorParallelSizes(architecture, Math.min(runtime.maximum_accelerators ?? mostRanks, mostRanks));
  throw inputError('accelerator_count_does_not_fit', `"${model.name}" cannot run on ${count} accelerators: ${why}.`, {
    nextStep: `Ask for another number: ${sizes.join(', ')}.`,
    field: 'accelerator_count',
    validValues: sizes.map(String),
  });
}

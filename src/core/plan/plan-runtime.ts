import { fail } from '../base/errors.ts';
import type { Fleet } from '../region/fleet.ts';
import { isPickle } from '../registry/model.ts';
import { splitsEvenly, tensorParallelSizes } from '../registry/sizing/tensor-parallel.ts';
import { isImageAllowed } from '../runtimes/allowed-images.ts';
import { remoteCodeFlagsIn, imageOf, ownedFlag, serves, splitProblem } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { OwnedModel } from '../registry/table.ts';

/** Throws where none serves the model, or where the region does not let its image in. */
export function chooseRuntime(fleet: Fleet, region: string, model: OwnedModel, named: string | undefined): Runtime {
  const runtime = pickRuntime(fleet, region, model, named);
  if (!runtime) throw noRuntime(fleet, region, model, named);
  if (letsIn(fleet, region, runtime)) return runtime;
  throw fail('image_not_allowed', `The region ${region} does not allow the image ${imageOf(runtime)}.`, {
    nextStep: "Launch with another runtime, or add the image to the region's images_allowed in ecolink.yaml.",
    field: 'runtime',
  });
}

/** The named runtime, or the first that serves the model and that the region lets in. */
export function pickRuntime(
  fleet: Fleet,
  region: string,
  model: OwnedModel,
  named: string | undefined,
): Runtime | undefined {
  const fitting = fleet.runtimesFor(region, model.category, model.format, model.task);
  if (named !== undefined) return fitting.find((runtime) => runtime.name === named);
  return fitting.find((runtime) => letsIn(fleet, region, runtime)) ?? fitting[0];
}

/** Whether the region's allowlist has the runtime's image. */
export function letsIn(fleet: Fleet, region: string, runtime: Runtime): boolean {
  const { imagesAllowed } = fleet.region(region).capabilities;
  const image = imageOf(runtime);
  return imagesAllowed === undefined || image === undefined || isImageAllowed(image, imagesAllowed);
}

export function noRuntime(fleet: Fleet, region: string, model: OwnedModel, named: string | undefined): Error {
  const there = fleet.runtimes(region);
  const other = there.find((runtime) => runtime.name === named);
  if (named !== undefined && other && !serves(other, model.category, model.format, model.task)) {
    return fail(
      'runtime_does_not_fit',
      `The runtime "${named}" serves ${other.categories.join(', ')} models in ${other.formats.join(', ')}, not ${model.category} in ${model.format}.`,
      {
        nextStep: 'Leave the runtime out, or name one that fits.',
        field: 'runtime',
        validValues: fleet.runtimesFor(region, model.category, model.format, model.task).map((runtime) => runtime.name),
      },
    );
  }
  const what =
    named === undefined
      ? `No runtime serves ${model.category} models in ${model.format} in the region ${region}`
      : `The region ${region} has no runtime "${named}"`;
  return fail('no_runtime', `${what}.`, {
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
    throw fail('argument_owned', `EcoLink sets ${owned} for ${runtime.name} itself.`, {
      nextStep: 'Leave it out of the arguments.',
      field: 'arguments',
    });
  }
  refuseUnnamedTrust(runtime, given);
}

/** A runtime of the config may run the model's code for all its models: each launch names it all the same. */
function refuseUnnamedTrust(runtime: Runtime, given: readonly string[]): void {
  const unnamed = remoteCodeFlagsIn(runtime.arguments).filter((flag) => !remoteCodeFlagsIn(given).includes(flag));
  if (unnamed.length === 0) return;
  throw fail('remote_code_not_named', `The runtime "${runtime.name}" runs code that comes with the model.`, {
    nextStep: `If you trust it, name ${unnamed.join(' and ')} in the arguments; or take another runtime.`,
    field: 'arguments',
    validValues: unnamed,
  });
}

export function refuseUnnamedPickle(model: OwnedModel, allowed: boolean | undefined): void {
  if (!isPickle(model) || allowed === true) return;
  throw fail(
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
  throw fail('accelerator_count_does_not_fit', `"${model.name}" cannot run on ${count} accelerators: ${why}.`, {
    nextStep: `Ask for another number: ${sizes.join(', ')}.`,
    field: 'accelerator_count',
    validValues: sizes.map(String),
  });
}

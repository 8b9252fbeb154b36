import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import { plainFlag } from '../config/launch-arguments.ts';
import type { Prose } from '../base/prose.ts';
import type { Fleet } from '../region/fleet.ts';
import { isPickle, picklesOf } from '../registry/model.ts';
import { listed } from '../registry/selection/refusals.ts';
import { mostRanks } from '../registry/fits.ts';
import { splitsEvenly, tensorParallelSizes } from '../registry/sizing/tensor-parallel.ts';
import { isImageAllowed } from '../runtimes/allowed-images.ts';
import { checkArguments } from '../runtimes/check-arguments.ts';
import type { CheckedArgument } from '../runtimes/check-arguments.ts';
import { launchArgumentsOf } from '../runtimes/launch-arguments/lists.ts';
import { codeOfRuntime, flagName, mentionsCode } from '../runtimes/model-code.ts';
import type { RuntimeUse } from '../runtimes/model-code.ts';
import { audioProblem, rerankProblem } from '../runtimes/model-arguments.ts';
import { imageOf, serves, splitProblem } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { OwnedModel } from '../registry/table.ts';
import { traitsOf } from '../registry/traits.ts';
import type { LaunchInput } from './launch-input.ts';

/** What a launch says of its runtime. */
export type RuntimeWish = Pick<LaunchInput, 'runtime' | 'accelerator'>;

/** Throws if no runtime serves the model, if it would serve it wrongly, or if the region does not allow its image. */
export function chooseRuntime(fleet: Fleet, region: string, model: OwnedModel, wish: RuntimeWish): Runtime {
  const runtime = pickRuntime(fleet, region, model, wish);
  if (!runtime) throw noRuntime(fleet, region, model, wish.runtime);
  refuseWrongAnswers(runtime, model);
  if (allowsImage(fleet, region, runtime, wish)) return runtime;
  const image = imageOf(runtime, wish.accelerator !== undefined);
  throw fail('image_not_allowed', `The region ${region} does not allow the image ${image}.`, {
    nextStep: "Launch with another runtime, or add the image to the region's images_allowed in the configuration.",
    field: 'runtime',
  });
}

function refuseWrongAnswers(runtime: Runtime, model: OwnedModel): void {
  const traits = traitsOf(model);
  const rerank = rerankProblem(runtime, traits);
  if (rerank !== undefined) {
    throw fail('reranker_not_known', `"${model.name}" cannot rerank: ${rerank}`, {
      nextStep:
        'Register it in the category that it was made for. Or add a runtime to ecolink.yaml whose category_arguments for reranker make it a classifier.',
      field: 'runtime',
    });
  }
  const audio = audioProblem(runtime, traits);
  if (audio === undefined) return;
  throw fail('audio_not_readable', `${audio} Every upload would be refused.`, {
    nextStep: `Install vllm[audio] there, or make an image with it. Then name it in ecolink.yaml: runtimes: [{ name: ${runtime.name}, kind: built-in, reads_audio: true, image: … }].`,
    field: 'runtime',
  });
}

/**
 * The named runtime. Else the first that serves the model rightly and that the region allows, else the first that serves
 * it. Undefined if none does.
 */
export function pickRuntime(fleet: Fleet, region: string, model: OwnedModel, wish: RuntimeWish): Runtime | undefined {
  const fitting = fleet.runtimesFor(region, model.category, model.format, model.task);
  if (wish.runtime !== undefined) return fitting.find((runtime) => runtime.name === wish.runtime);
  const traits = traitsOf(model);
  const right = fitting.filter((each) => !rerankProblem(each, traits) && !audioProblem(each, traits));
  return right.find((runtime) => allowsImage(fleet, region, runtime, wish)) ?? right[0] ?? fitting[0];
}

/** Whether the region allows the runtime's image. */
export function allowsImage(
  fleet: Fleet,
  region: string,
  runtime: Runtime,
  { accelerator }: Pick<LaunchInput, 'accelerator'>,
): boolean {
  const { imagesAllowed } = fleet.region(region).capabilities;
  const image = imageOf(runtime, accelerator !== undefined);
  return imagesAllowed === undefined || image === undefined || isImageAllowed(image, imagesAllowed);
}

export function noRuntime(fleet: Fleet, region: string, model: OwnedModel, named: string | undefined): Error {
  const known = fleet.runtimes(region);
  const other = known.find((runtime) => runtime.name === named);
  if (named !== undefined && other && !serves(other, model.category, model.format, model.task)) {
    return fail(
      'runtime_does_not_fit',
      `The runtime "${named}" serves ${other.categories.join(', ')} models in ${other.formats.join(', ')}, not ${model.category} in ${model.format}.`,
      {
        nextStep: say`Leave out ${fieldRef('runtime')}, or name one that fits.`,
        field: 'runtime',
        validValues: fleet.runtimesFor(region, model.category, model.format, model.task).map((runtime) => runtime.name),
      },
    );
  }
  const message =
    named === undefined
      ? `No runtime serves ${model.category} models in ${model.format} in the region ${region}`
      : `The region ${region} has no runtime "${named}"`;
  return fail('no_runtime', `${message}.`, {
    nextStep: installRuntime(model),
    field: 'runtime',
    validValues: known.map((runtime) => runtime.name),
  });
}

function installRuntime(model: OwnedModel): Prose {
  return model.format === 'gguf'
    ? 'Install llama.cpp (llama-server on the PATH, or the npm package node-llama-cpp), or add a runtime to the configuration.'
    : 'Install vLLM, with "vllm" on the PATH, or add a runtime under "runtimes" in the configuration.';
}

/** What a launch adds to the command line of its runtime. */
export interface LaunchArguments {
  arguments: CheckedArgument[];
  /** The flags that the launch names because they make the engine run code that comes with the model. */
  code: string[];
}

/** Reads the arguments of a launch. Throws if the runtime does not allow one, or if code of the model would run unnamed. */
export function readArguments(use: RuntimeUse, given: readonly string[]): LaunchArguments {
  const { runtime } = use;
  const own = codeOfRuntime(use, launchArgumentsOf(runtime));
  // A launch names the code that its runtime runs anyway, to accept it. The engine does not get the flag twice.
  const accepted = own.filter((flag) => given.some((word) => plainFlag(word) === plainFlag(flag)));
  refuseHiddenCode(runtime, own, accepted);
  const rest = given.filter((word) => !accepted.some((flag) => plainFlag(flag) === plainFlag(word)));
  const checked = checkArguments(runtime, rest);
  const named = checked.filter(({ runsCode }) => runsCode).flatMap(({ words }) => words[0] ?? []);
  return { arguments: checked, code: [...new Set([...accepted, ...named])] };
}

/** What makes a running engine run code of the model: its runtime, or an argument that it was launched with. */
export function codeAtWork(use: RuntimeUse, words: readonly string[]): string[] {
  const own = codeOfRuntime(use, launchArgumentsOf(use.runtime));
  return [...new Set([...own, ...words.filter(mentionsCode).map(flagName)])];
}

/** A configured runtime may run the code of all its models. Each launch must give that argument too. */
function refuseHiddenCode(runtime: Runtime, own: readonly string[], accepted: readonly string[]): void {
  const unnamed = own.filter((flag) => !accepted.includes(flag));
  if (unnamed.length === 0) return;
  throw fail('remote_code_not_named', `The runtime "${runtime.name}" runs code that comes with the model.`, {
    nextStep: say`If you trust the code, give ${unnamed.join(' and ')} in ${fieldRef('arguments')}. Otherwise use another runtime.`,
    field: 'arguments',
    validValues: unnamed,
  });
}

export function refusePickle(model: OwnedModel, allowed: boolean | undefined): void {
  if (!isPickle(model) || allowed === true) return;
  throw fail('pickle_not_allowed', `${pickledPart(model)} Loading them can run code that is in them.`, {
    nextStep: say`If you trust their source, launch with ${fieldRef('allow_pickle', 'true')}. Otherwise register a repo with safetensors.`,
    field: 'allow_pickle',
    validValues: ['true'],
  });
}

function pickledPart(model: OwnedModel): string {
  if (model.format === 'pytorch') return `All weights of "${model.name}" are pickle files.`;
  return `Files of "${model.name}" are pickle files: ${listed(picklesOf(model))}.`;
}

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

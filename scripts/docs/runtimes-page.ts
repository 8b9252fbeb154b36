import { z } from 'zod';
import { closedArgumentSchema } from '../../src/core/config/launch-arguments.ts';
import { engines } from '../../src/core/config/schema.ts';
import { expectation } from '../../src/core/runtimes/check-arguments.ts';
import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import { argumentsOf, drainSeconds } from '../../src/core/runtimes/runtime.ts';
import type { KubernetesRuntime } from '../../src/core/config/schema.ts';
import type { Runtime } from '../../src/core/runtimes/runtime.ts';
import { engineLists } from '../../src/core/runtimes/launch-arguments/lists.ts';
import { markdownTable } from './markdown-table.ts';

const head = `# Runtimes

<!-- Written by "npm run docs" from src/core/runtimes/kubernetes-built-in.ts and launch-arguments/. Change a definition, not this page. -->

A runtime says how a model is served: an image or a command, its arguments, its port and its health path. Kubernetes
regions have the runtimes below without any configuration. \`runtimes\` in \`ecolink.yaml\` adds runtimes. One with the name
of a built-in runtime replaces it:

\`\`\`yaml
runtimes:
  - name: vllm
    kind: kubernetes
    categories: [chat]
    formats: [safetensors]
    image: registry.example.com/vllm@sha256:…
    command: [vllm]
    arguments: [serve, '{model_path}', --served-model-name, '{served_name}', --host, '{host}', --port, '{port}', --shutdown-timeout, '{drain_seconds}']
    context_argument: --max-model-len
    context_report: { path: /v1/models, field: data.0.max_model_len }
    parallel_argument: --tensor-parallel-size
    ends: after_calls
    port: 8000
    user: 2000
\`\`\`

- EcoLink fills in \`{model_path}\`, \`{model_dir}\`, \`{served_name}\`, \`{host}\`, \`{port}\` and \`{drain_seconds}\`. For GGUF,
  \`{model_path}\` is the file and \`{model_dir}\` its model's folder. For other formats both are the folder.
- \`default_arguments\` are those that a launch may replace. \`launch_fields\` says which flags stand for \`max_sequences\`,
  \`memory_share\` and \`quantization\` of a launch.
- With \`fits_model: true\`, EcoLink adds what a model needs: parsers for tool calls and reasoning, by its family and chat
  template; for language models that rerank, what makes vLLM read them as classifiers. The plan shows it.
- \`served_name\` shapes the name of the model for an engine that takes no colon. Callers keep to the model id.
- \`caller_paths\` lists what a token with the scope \`call\` may reach behind \`/instances/<id>/proxy\`. Other paths need \`operate\`.
- \`parallel_argument\` is the flag for \`accelerator_count\`. The plan refuses a count that does not divide the attention
  heads of the model.
- \`context_argument\` is the flag for the context length. \`context_report\` says where the engine reports its context
  length; \`get_instance\` shows it.
- \`port\`, \`health\` and \`api_path\` can be set for a custom image. \`api_path\` is where its OpenAI API begins.
- \`ends\` says what the engine does with open calls when it gets SIGTERM. \`drain_seconds\` is the longest time for them.
- A launch cannot set flags that EcoLink sets. [Flags of a launch](#flags-of-a-launch) lists the others that it may give.
- A launch must name \`--trust-remote-code\` in \`arguments\`, and \`allow_pickle\` if a selected file is a pickle.
  The plan and the policy see both. A runtime whose command, arguments or environment (the region's too) turn on code of the model counts too.
  \`runs_code: true\` says it of an engine that does so by itself.
- Engines cannot download from the Hub (\`HF_HUB_OFFLINE=1\`). They mount the model read-only and pass Pod Security
  *restricted*.

*Untested* means: written from the documentation of the engine, and not yet run by this project.

`;

/** The full text of docs/runtimes.md. */
export function runtimesPage(): string {
  const runtimes = builtInKubernetes();
  return `${head}${runtimes.map((runtime) => section(runtime)).join('\n')}\n${flagsHead}${flagTables()}`;
}

const flagsHead = `## Flags of a launch

A launch gives flags in \`arguments\`, one item for each word. EcoLink refuses every flag that is not in these lists, and says
the nearest one. It passes a flag on as the list spells it: \`--max_num_seqs=8\` becomes \`--max-num-seqs 8\`. No flag takes a
path, a module, a URL, a command, a template or JSON. \`--trust-remote-code\` alone lets the engine run code of the model. A
flag with (no-) can be turned off by \`--no-\` before its name.

An admin can allow more flags in \`ecolink.yaml\`, also for a built-in runtime. A text value needs a \`risk\`, which the plan and
approvers see beside the argument:

\`\`\`yaml
runtimes:
  - name: vllm
    kind: built-in
    launch_arguments:
      - { flag: --lora-modules, value: text, risk: The engine loads adapters from any folder that it can read. }
\`\`\`

The same entry may have \`arguments\` and \`environment\`, which come with every launch and which no launch can change; \`image\` and
\`cpu_image\` for Kubernetes regions; and \`reads_audio: true\` once the engine has the packages of vllm[audio].

A runtime of your own takes the list of its \`engine\`. Without \`engine\`, it takes the list of the engine that it is named
after. A change of the lists leaves running instances alone. A restart with a flag that is forbidden now is refused.

`;

function flagTables(): string {
  return engines
    .map((engine) => {
      const { source, version, arguments: listed } = engineLists[engine];
      const same = engines.find((other) => engineLists[other].arguments === listed);
      if (same !== undefined && same !== engine)
        return `### ${engine}\n\nThe flags of [${same}](#flags-of-a-launch). From ${source} (${version}).\n`;
      const rows = z.array(closedArgumentSchema).parse(listed).map(flagRow);
      return `### ${engine}\n\nFrom ${source} (${version}).\n\n${markdownTable(['flag', 'also', 'value'], rows)}`;
    })
    .join('\n');
}

function flagRow(argument: z.output<typeof closedArgumentSchema>): string[] {
  const value = argument.value === 'none' ? 'none' : expectation(argument);
  const risk = argument.risk === undefined ? '' : `. Risk: ${argument.risk}`;
  const negation = argument.value === 'none' && argument.negatable ? ' (no-)' : '';
  return [
    `\`${argument.flag}\`${negation}`,
    argument.aliases.map((alias) => `\`${alias}\``).join(' '),
    `${value}${risk}`,
  ];
}

function section(runtime: Runtime): string {
  if (runtime.kind !== 'kubernetes') return '';
  const rows = [
    ['tried', runtime.tried ?? '*untested*'],
    ['image', imagesOf(runtime)],
    ['weights', runtime.formats.join(', ')],
    ['port, health, API', `${runtime.port}, \`${runtime.health}\`, \`${runtime.api_path}\``],
    ['accelerators', accelerators(runtime)],
    ['context length', contextLength(runtime)],
    ['end', end(runtime)],
    ['Pod Security', '*restricted*, without exceptions'],
    ['user', runtime.user === undefined ? "the region's own" : `${runtime.user}, the image's own`],
    ...runtime.categories.map((category) => [category, served(runtime, category)]),
  ];
  return `## ${runtime.name}\n\n${markdownTable(['', ''], rows)}`;
}

function imagesOf({ image, cpu_image: cpuImage }: KubernetesRuntime): string {
  return cpuImage === undefined ? `\`${image}\`` : `\`${image}\`; without accelerators \`${cpuImage}\``;
}

function contextLength(runtime: Runtime): string {
  const { context_argument: flag, context_default: fitting, context_report: report } = runtime;
  const defaults = [...new Set(Object.values(fitting))].map((word) => `default \`${word}\``);
  const reported = report === undefined ? [] : [`reported at \`${report.path}\``];
  return [flag === undefined ? 'the engine decides' : `\`${flag}\``, ...defaults, ...reported].join('; ');
}

function end(runtime: KubernetesRuntime): string {
  const seconds = drainSeconds(runtime);
  if (runtime.ends === 'after_calls') return `finishes its calls within ${seconds} s`;
  return `breaks off its calls; it gets SIGTERM ${seconds} s after new calls stop`;
}

function accelerators({ parallel_argument: flag, maximum_accelerators: maximum }: Runtime): string {
  if (maximum !== undefined) return `at most ${maximum} for each replica`;
  return flag === undefined ? 'uses all that it gets' : `\`${flag}\``;
}

function served(runtime: Runtime, category: Runtime['categories'][number]): string {
  const command = runtime.kind === 'kubernetes' ? (runtime.command ?? []) : [];
  const words = argumentsOf(runtime, { category, contextLength: undefined, arguments: [] });
  const tasks = runtime.category_tasks[category];
  if (category === 'reranker' && runtime.rerank === 'tei')
    return `\`${[...command, ...words].join(' ')}\` (the gateway translates \`/v1/rerank\` to its \`/rerank\`)`;
  return `\`${[...command, ...words].join(' ')}\`${tasks ? ` (${tasks.join(', ')})` : ''}`;
}

import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import { argumentsOf, drainSeconds } from '../../src/core/runtimes/runtime.ts';
import type { KubernetesRuntime } from '../../src/core/config/schema.ts';
import type { Runtime } from '../../src/core/runtimes/runtime.ts';
import { markdownTable } from './markdown-table.ts';

const head = `# Runtimes

<!-- Written by "npm run docs" from src/core/runtimes/kubernetes-built-in.ts. Change a definition, not this page. -->

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

- EcoLink fills in \`{model_path}\`, \`{served_name}\`, \`{host}\`, \`{port}\` and \`{drain_seconds}\`.
- \`parallel_argument\` is the flag for \`accelerator_count\`. The plan refuses a count that does not divide the attention
  heads of the model.
- \`context_argument\` is the flag for the context length. \`context_report\` says where the engine reports its context
  length; \`get_instance\` shows it.
- \`port\`, \`health\` and \`api_path\` can be set for a custom image. \`api_path\` is where its OpenAI API begins.
- \`ends\` says what the engine does with open calls when it gets SIGTERM. \`drain_seconds\` is the longest time for them.
- A launch cannot set flags that EcoLink sets, nor \`--config\`, which reads flags from a file.
- A launch must name \`--trust-remote-code\` in \`arguments\`, and \`allow_pickle\` for weights that are only pickle files.
  The plan and the policy see both.
- Engines cannot download from the Hub (\`HF_HUB_OFFLINE=1\`). They mount the model read-only and pass Pod Security
  *restricted*.

*Untested* means: written from the documentation of the engine, and not yet run by this project.

`;

/** The full text of docs/runtimes.md. */
export function runtimesPage(): string {
  const runtimes = builtInKubernetes();
  return `${head}${runtimes.map((runtime) => section(runtime)).join('\n')}`;
}

function section(runtime: Runtime): string {
  if (runtime.kind !== 'kubernetes') return '';
  const rows = [
    ['tried', runtime.tried ?? '*untested*'],
    ['image', `\`${runtime.image}\``],
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

function contextLength(runtime: Runtime): string {
  const { context_argument: flag, context_default: fitting, context_report: report } = runtime;
  const defaults = Object.values(fitting).map((word) => `default \`${word}\``);
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

import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import { argumentsOf, drainSeconds } from '../../src/core/runtimes/runtime.ts';
import type { KubernetesRuntime } from '../../src/core/config/schema.ts';
import type { Runtime } from '../../src/core/runtimes/runtime.ts';

const head = `# Runtimes

<!-- Written by "npm run docs" from src/core/runtimes/kubernetes/built-in.ts. Change a definition, not this page. -->

A runtime says how a model is served: an image or a command, its arguments, its port and its health path. These are the
ones that a Kubernetes region knows by itself. A runtime of the same name under \`runtimes\` in \`ecolink.yaml\` takes the
place of a built-in one, and any other name adds one:

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

\`{model_path}\`, \`{served_name}\`, \`{host}\` and \`{port}\` are filled in. \`parallel_argument\` is the flag that takes
\`accelerator_count\`; a count that the model's attention heads cannot be split by is refused in the plan. Flags that
EcoLink sets are refused in a launch's \`arguments\`, and so is \`--config\`, which reads flags from a file.
\`--trust-remote-code\` and weights that are pickle files alone have to be named in the launch (\`arguments\`,
\`allow_pickle\`); the plan and the policy see both. \`context_report\` is where the engine tells how long its context
is, which \`get-instance\` shows. A custom image may have its own \`port\`, \`health\` path and \`api_path\`, where its
OpenAI API begins. \`ends\` says what it makes of its calls when it is told to end (SIGTERM), and \`drain_seconds\`, which
may be filled in too, how long they may take. Engines run without network names of the Hub (\`HF_HUB_OFFLINE=1\`), with the model mounted
read-only, and pass Pod Security *restricted*.

A runtime that says *untested* was written from its engine's documentation and never run by this project.

`;

/** docs/runtimes.md, whole. */
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
  return `## ${runtime.name}\n\n| | |\n|---|---|\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`;
}

function contextLength(runtime: Runtime): string {
  const { context_argument: flag, context_default: fitting, context_report: report } = runtime;
  const words = Object.values(fitting).map((word) => `\`${word}\` unless asked for`);
  const told = report === undefined ? [] : [`told at \`${report.path}\``];
  return [flag === undefined ? 'the engine decides' : `\`${flag}\``, ...words, ...told].join('; ');
}

function end(runtime: KubernetesRuntime): string {
  const seconds = drainSeconds(runtime);
  if (runtime.ends === 'after_calls') return `finishes its calls, ${seconds} s at most`;
  return `breaks off its calls: it is told ${seconds} s after it gets no new ones`;
}

function accelerators({ parallel_argument: flag, maximum_accelerators: maximum }: Runtime): string {
  if (maximum !== undefined) return `at most ${maximum} for each replica`;
  return flag === undefined ? 'all that it is given, by itself' : `\`${flag}\``;
}

function served(runtime: Runtime, category: Runtime['categories'][number]): string {
  const command = runtime.kind === 'kubernetes' ? (runtime.command ?? []) : [];
  const words = argumentsOf(runtime, { category, contextLength: undefined, arguments: [] });
  const tasks = runtime.category_tasks[category];
  if (category === 'reranker' && runtime.rerank === 'tei')
    return `\`${[...command, ...words].join(' ')}\` (the gateway puts \`/v1/rerank\` to its \`/rerank\`)`;
  return `\`${[...command, ...words].join(' ')}\`${tasks ? ` (${tasks.join(', ')})` : ''}`;
}

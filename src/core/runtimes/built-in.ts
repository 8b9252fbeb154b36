import { accessSync, constants, existsSync, globSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { llamaKeyVariable } from '../config/engine-environment.ts';
import { runtimeSchema } from '../config/schema.ts';
import { isLlamaEngineInstalled, llamaEngineEntry, llamaEngineFiles } from './llama-engine.ts';
import type { Runtime } from './runtime.ts';
import { llamaServer } from './llama-server.ts';
import { maxModelLen, vllmServe } from './vllm.ts';

/** The path of a command, searched as a shell does. Undefined if it is not installed. */
export function findCommand(command: string, path: string | undefined): string | undefined {
  const candidates = isAbsolute(command)
    ? [command]
    : (path ?? '')
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, command));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Runtimes of this machine that need no configuration: llama.cpp as a server or as the built-in engine, and vLLM, if installed. */
export function builtInLocal(path: string | undefined): Runtime[] {
  return [installedLlamaServer(path) ?? llamaEngine(), vllm(path)].filter((runtime) => runtime !== undefined);
}

/** The server of llama.cpp (github.com/ggml-org/llama.cpp, tools/server/README.md). */
function installedLlamaServer(path: string | undefined): Runtime | undefined {
  const command = findCommand('llama-server', path);
  if (command === undefined) return undefined;
  return runtimeSchema.parse({
    name: 'llama.cpp',
    kind: 'local',
    categories: ['chat', 'embedding', 'reranker'],
    formats: ['gguf'],
    command: [command],
    ...llamaServer,
    key_variable: llamaKeyVariable,
  });
}

function llamaEngine(): Runtime | undefined {
  if (!isLlamaEngineInstalled()) return undefined;
  return runtimeSchema.parse({
    name: 'llama.cpp',
    kind: 'local',
    categories: ['chat', 'embedding'],
    formats: ['gguf'],
    engine: 'llama-engine',
    command: [process.execPath, llamaEngineEntry()],
    arguments: ['--model', '{model_path}', '--served-name', '{served_name}', '--host', '{host}', '--port', '{port}'],
    context_argument: '--context-length',
    context_report: maxModelLen,
    launch_fields: { max_sequences: ['--parallel', '{value}'] },
    key_variable: llamaKeyVariable,
    reads: llamaEngineFiles(),
  });
}

function vllm(path: string | undefined): Runtime | undefined {
  const command = findCommand('vllm', path);
  if (command === undefined) return undefined;
  return runtimeSchema.parse({
    name: 'vllm',
    kind: 'local',
    categories: ['chat', 'embedding', 'reranker', 'audio'],
    category_tasks: { audio: ['automatic-speech-recognition'] },
    formats: ['safetensors', 'pytorch'],
    command: [command],
    ...vllmServe,
    parallel_argument: '--tensor-parallel-size',
    reads_audio: readsAudio(command),
    // It checks the key for paths below /v1 only (docs.vllm.ai/en/stable/usage/security.html).
    key_variable: 'VLLM_API_KEY',
  });
}

/** What vLLM reads audio with: `pip install vllm[audio]` (vllm/multimodal/media/audio.py, 0.32.0). */
const audioPackages = ['soundfile.py', 'av', 'scipy', 'soxr'];

/** Whether the Python environment of a command has what it needs for audio. True if it cannot be told. */
function readsAudio(command: string): boolean {
  const folders = join(dirname(realpathSync(command)), '..', 'lib');
  const packages = globSync('python3*/site-packages', { cwd: folders }).map((folder) => join(folders, folder));
  return (
    packages.length === 0 || packages.some((folder) => audioPackages.every((name) => existsSync(join(folder, name))))
  );
}

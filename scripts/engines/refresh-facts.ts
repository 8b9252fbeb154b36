import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Writes what EcoLink knows of each engine's pinned version into `src/core/runtimes/engine-facts/`: the architectures that it
 * serves, and the names of its parsers. It reads the engines' own packages and imports none of their code.
 *
 *   node scripts/engines/refresh-facts.ts vllm=<site-packages> sglang=<site-packages> llama.cpp=<sources or gitRelease.bundle>
 *
 * Each may be left out. Its file then stays as it is. `pip install --no-deps --target <folder> sglang==<version>` is enough.
 * The bundle is in the npm package node-llama-cpp (llama/gitRelease.bundle). Run `npm run format` afterwards.
 */
const out = fileURLToPath(new URL('../../src/core/runtimes/engine-facts/', import.meta.url));

interface Facts {
  source: string;
  version: string;
  architectures: string[];
  toolParsers?: string[];
  reasoningParsers?: string[];
}

function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].toSorted();
}

/** The text from the line that begins with `start` to the first line that begins with a closing bracket. */
function block(text: string, start: RegExp): string {
  const begun = text.slice(text.search(start));
  return begun.slice(0, begun.search(/^[ ]{0,4}[}\]]/m));
}

function versionOf(packages: string, name: RegExp): string {
  const found = readdirSync(packages).map((each) => name.exec(each)?.[1]);
  const version = found.find((each) => each !== undefined);
  if (version === undefined) throw new Error(`${packages} has no package like ${name.source}.`);
  return version;
}

function vllm(packages: string): Facts {
  const read = (path: string): string => readFileSync(join(packages, 'vllm', path), 'utf8');
  const registry = read('model_executor/models/registry.py');
  const tables = [...registry.matchAll(/^_\w+_MODELS = \{$/gm)].map(([line]) => line);
  const served = tables.filter((line) => !/PREVIOUSLY|OOT|SPECULATIVE|BACKEND|_VLLM_/.test(line));
  const names = served.flatMap((line) => matches(block(registry, new RegExp(`^${line}`, 'm')), /^ {4}"(\w+)": \(/gm));
  return {
    source: 'PyPI vllm: model_executor/models/registry.py, tool_parsers/__init__.py, reasoning/__init__.py',
    version: versionOf(packages, /^vllm(?:_cpu)?-([\d.]+).*\.dist-info$/),
    architectures: [...new Set(names)].toSorted(),
    toolParsers: matches(read('tool_parsers/__init__.py'), /^ {4}"([\w.-]+)": \(/gm),
    reasoningParsers: matches(read('reasoning/__init__.py'), /^ {4}"([\w.-]+)": \(/gm),
  };
}

function sglang(packages: string): Facts {
  const read = (path: string): string => readFileSync(join(packages, 'sglang', 'srt', path), 'utf8');
  const models = readdirSync(join(packages, 'sglang', 'srt', 'models'), { recursive: true, encoding: 'utf8' });
  const entries = models
    .filter((name) => name.endsWith('.py'))
    .flatMap((name) => [...read(join('models', name)).matchAll(/^EntryClass = (\[[^\]]*\]|\w+)/gm)])
    .flatMap(([, classes = '']) => matches(classes, /(\w+)/g));
  const parsers = (path: string, table: string): string[] =>
    matches(block(read(path), new RegExp(`^ {4}${table}\\b`, 'm')), /^ {8}"([\w.-]+)":/gm);
  return {
    source: 'PyPI sglang: srt/models, srt/function_call/function_call_parser.py, srt/parser/reasoning_parser.py',
    version: versionOf(packages, /^sglang-([\d.]+)\.dist-info$/),
    architectures: [...new Set(entries)].filter((name) => !/NextN|Eagle|MTP|Draft/.test(name)).toSorted(),
    toolParsers: parsers('function_call/function_call_parser.py', 'ToolCallParserEnum'),
    reasoningParsers: parsers('parser/reasoning_parser.py', 'DetectorMap'),
  };
}

function llamaCpp(place: string): Facts {
  if (!place.endsWith('.bundle')) return llamaCppSources(place);
  const folder = mkdtempSync(join(tmpdir(), 'llama-cpp-'));
  try {
    execFileSync('git', ['clone', '--quiet', place, join(folder, 'source')]);
    return llamaCppSources(join(folder, 'source'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function llamaCppSources(folder: string): Facts {
  const git = (...words: string[]): string =>
    execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8' }).trim();
  const names = block(readFileSync(join(folder, 'src/llama-arch.cpp'), 'utf8'), /^static const .*LLM_ARCH_NAMES/m);
  return {
    source: 'github.com/ggml-org/llama.cpp, src/llama-arch.cpp, from the npm package node-llama-cpp',
    version: git('describe', '--tags', '--always'),
    architectures: matches(names, /\{\s*LLM_ARCH_\w+,\s*"([\w.-]+)"/g).filter((name) => !name.startsWith('(')),
  };
}

const readers: Record<string, { file: string; name: string; read: (place: string) => Facts }> = {
  vllm: { file: 'vllm.ts', name: 'vllmFacts', read: vllm },
  sglang: { file: 'sglang.ts', name: 'sglangFacts', read: sglang },
  'llama.cpp': { file: 'llama-cpp.ts', name: 'llamaCppFacts', read: llamaCpp },
};

for (const word of process.argv.slice(2)) {
  const [engine = '', place = ''] = word.split('=', 2);
  const reader = readers[engine];
  if (reader === undefined) throw new Error(`Give <engine>=<place>, with one of ${Object.keys(readers).join(', ')}.`);
  const facts = reader.read(place);
  if (facts.architectures.length < 20)
    throw new Error(`${place} names only ${facts.architectures.length} architectures.`);
  const text = `// Written by scripts/engines/refresh-facts.ts.\nimport type { EngineFacts } from './engine-facts.ts';\n\nexport const ${reader.name}: EngineFacts = ${JSON.stringify(facts, undefined, 2)};\n`;
  writeFileSync(join(out, reader.file), text);
  process.stdout.write(`${engine} ${facts.version}: ${facts.architectures.length} architectures\n`);
}

import type { Engine } from '../config/schema.ts';
import { engineOf } from './launch-arguments/lists.ts';
import type { Runtime } from './runtime.ts';

/**
 * The paths that a caller of an instance may use behind `/instances/<id>/proxy`. All others may change the engine for
 * everybody: pause it, load adapters, swap weights, write files. They need the scope `operate`. A path is exact, or ends with
 * `*` for one more segment. A method before it admits only that one.
 */
const openAI = [
  'POST /v1/chat/completions',
  'POST /v1/completions',
  'POST /v1/embeddings',
  'POST /v1/rerank',
  'POST /v1/score',
  'POST /v1/responses',
  'POST /v1/messages',
  'POST /v1/messages/count_tokens',
  'POST /v1/audio/transcriptions',
  'POST /v1/audio/translations',
  'POST /v1/audio/speech',
  'POST /v1/images/generations',
  'POST /v1/images/edits',
  'POST /v1/images/variations',
  'GET /v1/models',
  'GET /v1/models/*',
  'GET /health',
];

/** Without `/v1`: what each engine calls its own. From their sources, in the versions of `engine-facts/` and TEI 1.9.3. */
const own: Partial<Record<Engine, readonly string[]>> = {
  vllm: [
    'GET /version',
    'GET /ping',
    ...['/rerank', '/v2/rerank', '/score', '/pooling', '/classify', '/tokenize', '/detokenize'].map(
      (path) => `POST ${path}`,
    ),
  ],
  'vllm-omni': ['GET /version', 'POST /v1/videos', 'GET /v1/videos/*'],
  sglang: [
    'GET /model_info',
    'GET /get_model_info',
    ...['/generate', '/encode', '/classify', '/tokenize', '/detokenize'].map((path) => `POST ${path}`),
  ],
  tei: [
    'GET /info',
    ...['/', '/embed', '/embed_all', '/embed_sparse', '/predict', '/rerank', '/similarity', '/tokenize', '/decode'].map(
      (path) => `POST ${path}`,
    ),
  ],
  'llama.cpp': [
    'GET /props',
    'GET /v1/health',
    'GET /models',
    ...[
      '/completion',
      '/completions',
      '/chat/completions',
      '/infill',
      '/embedding',
      '/embeddings',
      '/rerank',
      '/reranking',
    ].map((path) => `POST ${path}`),
    ...['/tokenize', '/detokenize', '/apply-template'].map((path) => `POST ${path}`),
  ],
};

/** The runtime's own list, else that of its engine. A runtime of an unknown engine has the paths of OpenAI's API. */
export function callerPathsOf(runtime: Runtime): readonly string[] {
  if (runtime.caller_paths !== undefined) return runtime.caller_paths;
  const engine = engineOf(runtime);
  const api = openAI.map((entry) => entry.replace(' /v1/', () => ` ${runtime.api_path}/`));
  return [...api, `GET ${runtime.health}`, ...((engine && own[engine]) ?? [])];
}

/** One segment in characters that no engine reads in another way. */
const segment = /^[\w.~:-]+$/;

/** Whether the list admits a call. `path` is without a query. */
export function admitsCaller(paths: readonly string[], method: string, path: string): boolean {
  return paths.some((entry) => {
    const [verb, pattern] = entry.startsWith('/') ? [method, entry] : entry.split(' ', 2);
    if (verb !== method && !(verb === 'GET' && method === 'HEAD')) return false;
    if (pattern === undefined || !pattern.endsWith('/*')) return path === pattern;
    const rest = path.slice(pattern.length - 1);
    return path.startsWith(pattern.slice(0, -1)) && segment.test(rest) && rest !== '.' && rest !== '..';
  });
}

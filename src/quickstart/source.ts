import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../core/base/system-error.ts';
import { bufferContent } from './hub-repo.ts';
import { startLoopbackHub } from './loopback-hub.ts';
import type { LoopbackHub } from './loopback-hub.ts';

/** A small chat model that everyone may download: 386 MB, Apache-2.0, one quantisation. */
export const smallModel = 'HuggingFaceTB/SmolLM2-360M-Instruct-GGUF';

export interface QuickstartSource {
  repo: string;
  endpoint: string;
  /** Name of the model in the registry. */
  name: string;
  /** Sentences about the model, for the terminal. */
  words: string[];
  hub: LoopbackHub | undefined;
}

const answerMs = 5000;
/** The tiny model is small. Slowed down, its progress bar can be seen. */
const paceBytesPerSecond = 360_000;

/** A model that `scripts/tiny-model/train.py` trained on our own text. It answers in whole sentences, and knows only those. */
const readTinyChat = (): Promise<Buffer> => readFile(new URL('tiny-chat.gguf', import.meta.url));

/** The real Hub if it answers. Otherwise a Hub on loopback with the tiny model that comes with EcoLink. */
export async function chooseSource(options: {
  repo: string | undefined;
  offline: boolean;
  endpoint: string;
}): Promise<QuickstartSource> {
  const repo = options.repo ?? smallModel;
  const why = options.offline ? 'as --offline asks' : await unreachable(options.endpoint, repo);
  if (why === undefined || options.repo !== undefined) {
    return {
      repo,
      endpoint: options.endpoint,
      name: 'quickstart-chat',
      words: [`${repo}, from ${options.endpoint}.`],
      hub: undefined,
    };
  }
  const tiny = await readTinyChat();
  const files = new Map([['tiny-chat.gguf', bufferContent(tiny)]]);
  const hub = await startLoopbackHub(
    [{ id: 'ecolink/tiny-chat', files, facts: { pipeline_tag: 'text-generation' } }],
    paceBytesPerSecond,
  );
  return {
    repo: 'ecolink/tiny-chat',
    endpoint: hub.endpoint,
    name: 'quickstart-tiny',
    words: [
      `ecolink/tiny-chat, which comes with EcoLink, from a Hub on loopback (slowly, to show the progress), ${why}.`,
      'It is no assistant: it was trained on a few sentences about EcoLink, and knows only those.',
    ],
    hub,
  };
}

async function unreachable(endpoint: string, repo: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${endpoint}/api/models/${repo}`, { signal: AbortSignal.timeout(answerMs) });
    await response.body?.cancel();
    return response.ok ? undefined : `because the Hub answered with status ${response.status}`;
  } catch {
    return 'because the Hub could not be reached';
  }
}

/** Creates a folder that serves as a shared filesystem, with a model in it. */
export async function makeFilesystem(folder: string): Promise<void> {
  const model = join(folder, 'teams', 'demo', 'tiny-chat');
  await mkdir(model, { recursive: true });
  // Written only once: to the registry, a file with a new time is a changed model.
  await writeFile(join(model, 'tiny-chat.gguf'), await readTinyChat(), { flag: 'wx' }).catch((thrown: unknown) => {
    if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
  });
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bufferContent } from './hub-repo.ts';
import { startLoopbackHub } from './loopback-hub.ts';
import type { LoopbackHub } from './loopback-hub.ts';
import { makeTinyGguf } from './tiny-gguf.ts';

/** A small chat model that anybody may download: 386 MB, Apache-2.0, one quantisation. */
export const smallModel = 'HuggingFaceTB/SmolLM2-360M-Instruct-GGUF';

export interface QuickstartSource {
  repo: string;
  endpoint: string;
  /** Name of the entry. */
  name: string;
  /** What somebody should know of it, in sentences. */
  words: string[];
  hub: LoopbackHub | undefined;
}

const answerMs = 5000;
/** The tiny model is there in a blink; paced, its progress bar can be seen. */
const paceBytesPerSecond = 120_000;

/** The real Hub where it answers, else one on loopback with a model that is made here. */
export async function chooseSource(options: {
  repo: string | undefined;
  offline: boolean;
  endpoint: string;
}): Promise<QuickstartSource> {
  const repo = options.repo ?? smallModel;
  const why = options.offline ? 'as asked (--offline)' : await unreachable(options.endpoint, repo);
  if (why === undefined || options.repo !== undefined) {
    return {
      repo,
      endpoint: options.endpoint,
      name: 'quickstart-chat',
      words: [`${repo}, from ${options.endpoint}.`],
      hub: undefined,
    };
  }
  const tiny = makeTinyGguf();
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
      `ecolink/tiny-chat, made here and served by a Hub on loopback (slowly, so that there is something to see), ${why}.`,
      'Its weights are RANDOM: everything about it is real except that its answer makes no sense.',
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

/** A folder that serves as a shared filesystem, with a model in it. */
export async function makeFilesystem(folder: string): Promise<void> {
  const model = join(folder, 'teams', 'demo', 'tiny-chat');
  await mkdir(model, { recursive: true });
  // Written once: a file that is written again is a changed model to the registry.
  await writeFile(join(model, 'tiny-chat.gguf'), makeTinyGguf({ seed: 2 }), { flag: 'wx' }).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  });
}

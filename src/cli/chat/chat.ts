import { text as readAll } from 'node:stream/consumers';
import type { ModelCalls } from '../../client/model-calls.ts';
import { fail } from '../../core/base/errors.ts';
import { plainText } from '../../core/base/format.ts';
import { connectToServer } from '../choose-server.ts';
import type { Terminal } from '../output/terminal.ts';
import { createConversation } from './conversation.ts';
import { talk } from './interactive.ts';
import { showEmbedding, showRanking } from './one-shot.ts';
import { createPrinter } from './printer.ts';
import { findChatTarget } from './target.ts';

export interface ChatFlags {
  message?: string | undefined;
  system?: string | undefined;
  documents: readonly string[];
  maxTokens?: number | undefined;
}

/** Talks to a running instance: in the terminal, or one message and its answer. */
export async function chat(instance: string, flags: ChatFlags, terminal: Terminal): Promise<void> {
  const { call, models } = await connectToServer(terminal);
  const { modelId, talk: kind } = await findChatTarget(instance, call);
  if (kind === 'chat') return converse({ modelId, models, ...flags });
  const message = await messageOf(flags);
  if (kind === 'embedding') return terminal.out(await showEmbedding(models, modelId, message));
  if (flags.documents.length === 0) throw noDocuments(modelId);
  const options = { width: terminal.width, now: Date.now() };
  terminal.out(await showRanking(models, modelId, message, flags.documents, options));
}

/** Without a message, a terminal is a conversation, and anything else is one message. */
async function converse({ modelId, models, ...flags }: ChatFlags & { modelId: string; models: ModelCalls }) {
  const conversation = createConversation({ modelId, models, ...flags });
  if (flags.message === undefined && process.stdin.isTTY) return talk(modelId, conversation);
  const printer = createPrinter();
  try {
    for await (const piece of conversation.ask(await messageOf(flags))) printer.print(piece);
  } finally {
    printer.end();
  }
}

/** From the flag, else from standard input. */
async function messageOf({ message }: ChatFlags): Promise<string> {
  const given = message ?? (process.stdin.isTTY ? '' : await readAll(process.stdin));
  if (given.trim() !== '') return given.trim();
  throw fail('value_missing', 'There is no text to send.', {
    nextStep: 'Give it with --message, or send it to standard input.',
  });
}

function noDocuments(modelId: string): Error {
  return fail('value_missing', `${plainText(modelId)} ranks documents, and no document was given.`, {
    nextStep: 'Add --document "first text" --document "second text".',
  });
}

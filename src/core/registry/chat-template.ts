import { templateMarks } from '../runtimes/parsers.ts';
import { isJsonObject, parseConfigText } from './sizing/config-text.ts';

/** What is known of a model's chat template: whether it has one, and which known marks are in it. */
export interface ChatTemplate {
  present: boolean;
  marks: readonly string[];
}

/** Reads a small file of the model. Undefined if the source does not give it. */
export type ReadText = (path: string, maximumBytes: number) => Promise<string | undefined>;

const limitBytes = 8 * 1024 ** 2;

/** Without any of these the model is in another layout, or has no tokenizer, which engines say themselves. */
const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'chat_template.json'];

/** Mistral's own tokenizers hold the format of a chat, and have no template. */
const ownFormat = /^(?:tekken\.json|tokenizer\.model\.v\d+)$/;

/**
 * The chat template of a model in the layout of transformers: a file of its own, or a field of the tokenizer's or processor's
 * config. Undefined if nobody can say: a file is unreadable, or the tokenizer has its own format.
 */
export async function readChatTemplate(
  files: readonly { path: string; size: number }[],
  readText: ReadText,
): Promise<ChatTemplate | undefined> {
  const has = (path: string): boolean => files.some((file) => file.path === path && file.size < limitBytes);
  const paths = files.map(({ path }) => path);
  if (!tokenizerFiles.some((name) => paths.includes(name)) || paths.some((path) => ownFormat.test(path)))
    return undefined;
  const texts: string[] = [];
  for (const path of ['chat_template.jinja', 'chat_template.json', 'tokenizer_config.json']) {
    if (!has(path)) continue;
    const text = await readText(path, limitBytes);
    if (text === undefined) return undefined;
    texts.push(...(path.endsWith('.jinja') ? [text] : templatesIn(text)));
  }
  return chatTemplateOf(texts);
}

export function chatTemplateOf(texts: readonly string[]): ChatTemplate {
  return {
    present: texts.length > 0,
    marks: templateMarks.filter((mark) => texts.some((text) => text.includes(mark))),
  };
}

/** A config has one template, or a list of named ones (huggingface.co/docs/transformers/chat_templating). */
function templatesIn(configText: string): string[] {
  const template = parseConfigText(configText)?.['chat_template'];
  if (typeof template === 'string') return [template];
  if (!Array.isArray(template)) return [];
  return template.flatMap((each: unknown) =>
    isJsonObject(each) && typeof each['template'] === 'string' ? [each['template']] : [],
  );
}

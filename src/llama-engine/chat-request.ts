import type { ChatHistoryItem } from 'node-llama-cpp';
import { z } from 'zod';
import { badRequest, unsupported } from './api-error.ts';
import type { GrammarRequest } from './generation.ts';
import { samplingFields } from './sampling.ts';

const message = z.object({
  role: z.string(),
  content: z.union([z.string(), z.array(z.object({ type: z.string(), text: z.string().optional() }))]).nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
});

export const chatRequest = z.object({
  ...samplingFields,
  messages: z.array(message).min(1),
  max_completion_tokens: z.int().min(1).nullish(),
  response_format: z
    .object({ type: z.string(), json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }).nullish() })
    .nullish(),
  tools: z.array(z.unknown()).nullish(),
  functions: z.array(z.unknown()).nullish(),
  logprobs: z.boolean().nullish(),
});

export type ChatRequest = z.output<typeof chatRequest>;
type ChatMessage = z.output<typeof message>;

export function historyOf(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  return messages.map((item, index): ChatHistoryItem => {
    const text = textOf(item, `messages.${index}`);
    switch (item.role) {
      case 'system':
      case 'developer':
        return { type: 'system', text };
      case 'user':
        return { type: 'user', text };
      case 'assistant':
        return { type: 'model', response: [text] };
      case 'tool':
      case 'function':
        throw noTools(`messages.${index}.role`);
      default:
        throw badRequest(
          'invalid_value',
          `"messages.${index}.role" must be system, developer, user or assistant, not "${item.role}".`,
          `messages.${index}.role`,
        );
    }
  });
}

function textOf(item: ChatMessage, path: string): string {
  if ((item.tool_calls ?? []).length > 0) throw noTools(`${path}.tool_calls`);
  const { content } = item;
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) {
    throw badRequest('missing_required_parameter', `"${path}.content" is missing.`, `${path}.content`);
  }
  return content.map((part, index) => partText(part, `${path}.content.${index}`)).join('');
}

function partText(part: { type: string; text?: string | undefined }, path: string): string {
  if (part.type === 'text' && part.text !== undefined) return part.text;
  throw unsupported(path, `This engine reads only text, and "${path}" has the type "${part.type}".`);
}

export function refuseUnsupportedChat(request: ChatRequest): void {
  if ((request.tools ?? []).length > 0) throw noTools('tools');
  if ((request.functions ?? []).length > 0) throw noTools('functions');
  if (request.logprobs === true) throw unsupported('logprobs', 'This engine does not return log probabilities.');
}

function noTools(param: string): Error {
  return unsupported(
    param,
    'This engine does not call tools. To use tools, serve the model with vLLM, SGLang or llama-server.',
  );
}

export function grammarOf(format: ChatRequest['response_format']): GrammarRequest | undefined {
  if (format === null || format === undefined) return undefined;
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return { kind: 'json' };
    case 'json_schema': {
      const schema = format.json_schema?.schema;
      if (schema !== undefined) return { kind: 'schema', schema };
      throw badRequest(
        'missing_required_parameter',
        '"response_format.json_schema.schema" is missing.',
        'response_format',
      );
    }
    default:
      throw unsupported(
        'response_format',
        `"response_format.type" must be text, json_object or json_schema, not "${format.type}".`,
      );
  }
}

import type { ServerResponse } from 'node:http';
import { unsupported } from './api-error.ts';
import { chatRequest, grammarOf, historyOf, refuseUnsupportedChat } from './chat-request.ts';
import { completionRequest, promptOf } from './completion-request.ts';
import { embeddingDocument, embeddingRequest, inputsOf } from './embedding-request.ts';
import { answer } from './generation-endpoint.ts';
import type { AnswerOptions, AnswerShape } from './generation-endpoint.ts';
import type { GeneratedText, GenerationRequest } from './generation.ts';
import { sendJson } from './http-messages.ts';
import type { Engine } from './load-engine.ts';
import { parseBody } from './parse-body.ts';
import { samplingOf } from './sampling.ts';
import type { SamplingFields } from './sampling.ts';

export interface Call {
  engine: Engine;
  body: unknown;
  response: ServerResponse;
  /** Aborted if the caller disconnects or the engine stops. */
  signal: AbortSignal;
  /** @throws ApiError 404 if it is not the served model */
  checkModel: (name: string) => void;
}

/** Log fields of a call: counts, never text. */
export type CallSummary = Readonly<Record<string, unknown>>;

export async function chatCompletions(call: Call): Promise<CallSummary> {
  const request = parseBody(chatRequest, call.body);
  call.checkModel(request.model);
  refuseUnsupportedChat(request);
  return generate(call, request, chatShape, {
    prompt: { kind: 'chat', history: historyOf(request.messages) },
    sampling: samplingOf(request),
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
    grammar: grammarOf(request.response_format),
  });
}

export async function completions(call: Call): Promise<CallSummary> {
  const request = parseBody(completionRequest, call.body);
  call.checkModel(request.model);
  return generate(call, request, completionShape, {
    prompt: { kind: 'text', text: promptOf(request) },
    sampling: samplingOf(request),
    maxTokens: request.max_tokens ?? defaultCompletionTokens,
    grammar: undefined,
  });
}

export async function embeddings({ engine, body, response, signal, checkModel }: Call): Promise<CallSummary> {
  const request = parseBody(embeddingRequest, body);
  checkModel(request.model);
  const { vectors, promptTokens } = await engine.embedder.embed(inputsOf(request), signal);
  sendJson(response, 200, embeddingDocument(request, vectors, promptTokens));
  return { inputs: vectors.length, prompt_tokens: promptTokens };
}

async function generate(
  { engine, response, signal }: Call,
  fields: SamplingFields,
  shape: AnswerShape,
  request: GenerationRequest,
): Promise<CallSummary> {
  if (engine.generator === undefined) {
    throw unsupported('model', 'This model does not generate text. Call /v1/embeddings for embeddings.');
  }
  const options: AnswerOptions = {
    model: fields.model,
    stream: fields.stream ?? false,
    includeUsage: fields.stream_options?.include_usage ?? false,
  };
  const prepared = await engine.generator.prepare(request);
  const result = await answer(response, signal, shape, options, prepared);
  return {
    prompt_tokens: result.promptTokens,
    completion_tokens: result.completionTokens,
    finish_reason: result.finishReason,
  };
}

/** OpenAI's own default for this endpoint. */
const defaultCompletionTokens = 16;

/** `reasoning_content` is not part of OpenAI's API. vLLM, SGLang and llama-server use it for a model's thoughts. */
const chatShape: AnswerShape = {
  idPrefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  choice: (text) => ({
    message: {
      role: 'assistant',
      content: text.answer,
      refusal: null,
      reasoning_content: text.reasoning === '' ? undefined : text.reasoning,
    },
  }),
  opening: { delta: { role: 'assistant', content: '' } },
  chunk: ({ kind, text }: GeneratedText) => ({
    delta: kind === 'answer' ? { content: text } : { reasoning_content: text },
  }),
  closing: { delta: {} },
};

const completionShape: AnswerShape = {
  idPrefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  choice: (text) => ({ text: text.reasoning + text.answer }),
  chunk: ({ text }: GeneratedText) => ({ text }),
  closing: { text: '' },
};

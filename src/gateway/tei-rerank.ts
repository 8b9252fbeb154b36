import { z } from 'zod';
import { fail } from '../core/base/errors.ts';
import type { WholeAnswer } from './relay-whole.ts';

/**
 * Rerank as Text Embeddings Inference has it: `{query, texts, truncate, raw_scores, return_text}` to `/rerank`, and back
 * `[{index, score, text?}]`, with the tokens in `x-compute-tokens`; an error is `{error, error_type}`
 * (github.com/huggingface/text-embeddings-inference, router/src/http/types.rs and server.rs). Callers speak as vLLM, Jina
 * and Cohere do (docs.vllm.ai/en/stable/models/pooling_models.html, docs.cohere.com/reference/rerank).
 */
const asked = z.object({
  query: z.string(),
  documents: z.array(z.union([z.string(), z.object({ text: z.string() })])),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
});

const ranked = z.array(z.object({ index: z.int(), score: z.number() }));
const failed = z.object({ error: z.string(), error_type: z.string() });

type Fields = Readonly<Record<string, unknown>>;

/** Too long texts are cut, as callers of the other APIs expect, not refused. */
export function toTei(fields: Fields): Buffer {
  const { query, documents } = parse(fields);
  return Buffer.from(JSON.stringify({ query, texts: documents.map(textOf), truncate: true }));
}

/** Throws where the answer is none of TEI's, but for a refusal: what stands before TEI may have refused, in other words. */
export function fromTei(fields: Fields, { status, headers, text }: WholeAnswer): { status: number; body: object } {
  if (status !== 200) return { status, body: asError(status, refusalOf(text)) };
  const answer: unknown = JSON.parse(text);
  const { documents, top_n: most, return_documents: withDocuments } = parse(fields);
  const results = ranked
    .parse(answer)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, most ?? undefined)
    .map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(withDocuments ? { document: { text: textOf(documents[index] ?? '') } } : {}),
    }));
  const tokens = Number(headers['x-compute-tokens']);
  const usage = Number.isInteger(tokens) ? { usage: { prompt_tokens: tokens, total_tokens: tokens } } : {};
  return { status, body: { model: fields['model'], results, ...usage } };
}

function parse(fields: Fields): z.output<typeof asked> {
  const parsed = asked.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? 'documents');
  throw fail('bad_rerank_request', `"${field}" is missing or not of its form: ${issue?.message}.`, {
    nextStep: 'Send "query" as a text and "documents" as a list of texts; "top_n" and "return_documents" are optional.',
    field,
  });
}

function textOf(document: string | { text: string }): string {
  return typeof document === 'string' ? document : document.text;
}

const readable = 500;

function refusalOf(text: string): z.output<typeof failed> {
  try {
    return failed.parse(JSON.parse(text));
  } catch {
    return { error: text.slice(0, readable), error_type: 'upstream_error' };
  }
}

function asError(status: number, { error, error_type: code }: z.output<typeof failed>): object {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return { error: { message: error, type, param: null, code: code.toLowerCase() } };
}

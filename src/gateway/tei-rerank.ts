import { z } from 'zod';
import { fail } from '../core/base/errors.ts';
import { fieldRef, say } from '../core/base/prose.ts';
import type { WholeAnswer } from './relay-whole.ts';

/**
 * Text Embeddings Inference (TEI) takes `{query, texts, truncate, raw_scores, return_text}` at `/rerank`. It answers
 * `[{index, score, text?}]`, with the number of tokens in `x-compute-tokens`. An error is `{error, error_type}`
 * (github.com/huggingface/text-embeddings-inference, router/src/http/types.rs and server.rs). Callers use the API of vLLM,
 * Jina and Cohere (docs.vllm.ai/en/stable/models/pooling_models.html, docs.cohere.com/reference/rerank).
 */
const rerankRequest = z.object({
  query: z.string(),
  documents: z.array(z.union([z.string(), z.object({ text: z.string() })])),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
});

const teiAnswer = z.array(z.object({ index: z.int(), score: z.number() }));
const teiError = z.object({ error: z.string(), error_type: z.string() });

type Fields = Readonly<Record<string, unknown>>;

/** TEI cuts texts that are too long, as callers of the other APIs expect. It does not refuse them. */
export function toTei(fields: Fields): Buffer {
  const { query, documents } = parse(fields);
  return Buffer.from(JSON.stringify({ query, texts: documents.map(textOf), truncate: true }));
}

/** Throws if a successful answer is not one of TEI. A refusal may have another form: a proxy before TEI may have sent it. */
export function fromTei(fields: Fields, { status, headers, text }: WholeAnswer): { status: number; body: object } {
  if (status !== 200) return { status, body: asError(status, refusalOf(text)) };
  const answer: unknown = JSON.parse(text);
  const { documents, top_n: limit, return_documents: withDocuments } = parse(fields);
  const results = teiAnswer
    .parse(answer)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, limit ?? undefined)
    .map(({ index, score }) => ({
      index,
      relevance_score: score,
      document: withDocuments ? { text: textOf(documents[index] ?? '') } : undefined,
    }));
  const tokens = Number(headers['x-compute-tokens']);
  const usage = Number.isInteger(tokens) ? { prompt_tokens: tokens, total_tokens: tokens } : undefined;
  return { status, body: { model: fields['model'], results, usage } };
}

function parse(fields: Fields): z.output<typeof rerankRequest> {
  const parsed = rerankRequest.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? 'documents');
  throw fail(
    'bad_rerank_request',
    say`${fieldRef(field)} is missing or wrong: ${issue?.message ?? 'it has another form'}.`,
    {
      nextStep: say`Send ${fieldRef('query')} as a text and ${fieldRef('documents')} as a list of texts. ${fieldRef('top_n')} and ${fieldRef('return_documents')} are optional.`,
      field,
    },
  );
}

function textOf(document: string | { text: string }): string {
  return typeof document === 'string' ? document : document.text;
}

/** Characters of an unknown refusal that reach the caller. */
const longestRefusal = 500;

function refusalOf(text: string): z.output<typeof teiError> {
  try {
    return teiError.parse(JSON.parse(text));
  } catch {
    return { error: text.slice(0, longestRefusal), error_type: 'upstream_error' };
  }
}

function asError(status: number, { error, error_type: code }: z.output<typeof teiError>): object {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return { error: { message: error, type, param: null, code: code.toLowerCase() } };
}

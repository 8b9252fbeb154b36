import { z } from 'zod';
import type { Api } from '../core/core.ts';
import type { ModelCallBody } from './body.ts';
import type { WholeAnswer } from './relay-whole.ts';
import { fromTei, toTei } from './tei-rerank.ts';

/** What changes in a call for a replica with another API. */
export interface TranslatedCall {
  path: string;
  /** Replaces the call's body. Absent: the body stays. */
  body?: readonly Buffer[] | undefined;
  /** Rewrites the answer. The gateway reads it to its end first. */
  answer?: (answer: WholeAnswer) => { status: number; body: object };
}

/**
 * Documents may be objects, as Cohere and Jina take them; most engines take texts only. Undefined if they are texts already,
 * or if the body is too large to be parsed.
 */
function withTexts(body: ModelCallBody, servedName: string): readonly Buffer[] | undefined {
  if (!body.isSmall) return undefined;
  const fields = body.fields();
  const { documents } = fields;
  if (!Array.isArray(documents) || documents.every((each) => typeof each === 'string')) return undefined;
  const texts = documents.map((each: unknown) => textField(each) ?? each);
  return [Buffer.from(JSON.stringify({ ...fields, model: servedName, documents: texts }))];
}

function textField(document: unknown): string | undefined {
  const parsed = z.object({ text: z.string() }).safeParse(document);
  return parsed.success ? parsed.data.text : undefined;
}

/** Translates a call of EcoLink's `/v1/…` for a replica. Throws EcolinkError if the replica's API cannot express the body. */
export function translateCall(
  path: string,
  body: ModelCallBody,
  { api, servedName }: { api: Api; servedName: string },
): TranslatedCall {
  if (path === '/v1/rerank' && api.rerank === 'tei') {
    const fields = body.fields();
    return { path: '/rerank', body: [toTei(fields)], answer: (answer) => fromTei(fields, answer) };
  }
  const texts = path === '/v1/rerank' ? withTexts(body, servedName) : undefined;
  return { body: texts, path: path.replace(/^\/v1/, () => api.api_path) };
}

import type { Api } from '../core/core.ts';
import type { ModelCallBody } from './body.ts';
import type { WholeAnswer } from './relay-whole.ts';
import { fromTei, toTei } from './tei-rerank.ts';

/** What changes in a call for a replica with another API. */
export interface TranslatedCall {
  path: string;
  /** Replaces the call's body. Absent: the body stays. */
  body?: readonly Buffer[];
  /** Rewrites the answer. The gateway reads it to its end first. */
  answer?: (answer: WholeAnswer) => { status: number; body: object };
}

/** Translates a call of EcoLink's `/v1/…` for a replica. Throws EcolinkError if the replica's API cannot express the body. */
export function translateCall(path: string, body: ModelCallBody, api: Api): TranslatedCall {
  if (path === '/v1/rerank' && api.rerank === 'tei') {
    const fields = body.fields();
    return { path: '/rerank', body: [toTei(fields)], answer: (answer) => fromTei(fields, answer) };
  }
  return { path: path.replace(/^\/v1/, () => api.api_path) };
}

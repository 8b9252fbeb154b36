import type { Api } from '../core/routing/routes.ts';
import type { ModelCallBody } from './body.ts';
import type { WholeAnswer } from './relay-whole.ts';
import { fromTei, toTei } from './tei-rerank.ts';

/** What of a call is another at a replica that does not speak as callers do. */
export interface Form {
  path: string;
  /** In place of the call's own. */
  body?: Buffer;
  /** Rewrites the answer, which is read whole first. */
  answer?: (answer: WholeAnswer) => { status: number; body: object };
}

/** The form of a call of EcoLink's `/v1/…` for a replica. Throws EcolinkError where the body cannot be put so. */
export function formFor(path: string, body: ModelCallBody, api: Api): Form {
  if (path === '/v1/rerank' && api.rerank === 'tei') {
    return { path: '/rerank', body: toTei(body.fields), answer: (answer) => fromTei(body.fields, answer) };
  }
  return { path: path.replace(/^\/v1/, () => api.api_path) };
}

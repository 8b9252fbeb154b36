import type { Category } from '../core/base/categories.ts';
import { fail } from '../core/base/errors.ts';
import type { Route } from '../core/core.ts';

/** The routes below `/v1` by the category of the models that serve them. */
const routes: Record<Category, readonly string[]> = {
  chat: ['/chat/completions', '/completions', '/responses', '/messages', '/messages/count_tokens'],
  embedding: ['/embeddings'],
  reranker: ['/rerank', '/score'],
  image: ['/images/generations', '/images/edits', '/images/variations'],
  audio: ['/audio/speech', '/audio/transcriptions', '/audio/translations'],
  video: ['/videos'],
};

/**
 * Throws `route_not_served` if models of this category serve another route. Engines answer such calls with an error that does
 * not say so, or with numbers that mean something else. A route that is in no list is for the engine to judge.
 */
export function refuseOtherRoute({ modelId, category, replicas }: Route, path: string): void {
  if (category === undefined) return;
  const route = path.replace(/^\/v1/, '');
  const isKnown = Object.values(routes).some((list) => list.includes(route));
  if (!isKnown || routes[category].includes(route)) return;
  // An admin may know more of an engine than its category says.
  if (replicas.some(({ api }) => api?.more_routes?.includes(path))) return;
  const kind = /^[aeiou]/.test(category) ? `an ${category}` : `a ${category}`;
  const word = category === 'reranker' ? kind : `${kind} model`;
  throw fail('route_not_served', `${modelId} is ${word}. It does not serve ${path}.`, {
    nextStep: `Call POST ${routes[category].map((each) => `/v1${each}`).join(', ')}.`,
    field: 'model',
  });
}

import { z } from 'zod';
import type { ModelCalls } from '../../client/model-calls.ts';
import { fail } from '../../core/base/errors.ts';
import { plainText } from '../../core/base/format.ts';
import { parseJson } from '../../core/base/parse-json.ts';
import { table } from '../output/table.ts';
import type { TableOptions } from '../output/table.ts';

/** The first numbers of a vector are enough to see that it is one. */
const shownNumbers = 8;

const embeddings = z.object({ data: z.array(z.object({ embedding: z.array(z.number()).min(1) })).min(1) });
const ranking = z.object({ results: z.array(z.object({ index: z.int(), relevance_score: z.number() })) });

/** The vector of a text, in short: its length, its norm, its first numbers. */
export async function showEmbedding(models: ModelCalls, model: string, text: string): Promise<string> {
  const answer = await models.post('/embeddings', { model, input: text });
  const vector = parse(embeddings, await answer.text()).data[0]?.embedding ?? [];
  const numbers = vector.slice(0, shownNumbers).map((each) => each.toFixed(4));
  const more = vector.length > shownNumbers ? ', …' : '';
  return `${vector.length} numbers, norm ${Math.hypot(...vector).toFixed(4)}\n[${numbers.join(', ')}${more}]`;
}

/** The documents in the order of their scores. */
export async function showRanking(
  models: ModelCalls,
  model: string,
  query: string,
  documents: readonly string[],
  options: TableOptions,
): Promise<string> {
  const answer = await models.post('/rerank', { model, query, documents });
  const rows = parse(ranking, await answer.text())
    .results.toSorted((a, b) => b.relevance_score - a.relevance_score)
    .map(({ index, relevance_score: score }) => ({
      score: score.toFixed(4),
      document: plainText(documents[index] ?? String(index)),
    }));
  return table(['score', 'document'], rows, options);
}

function parse<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  const { data, success } = schema.safeParse(parseJson(text));
  if (success) return data;
  throw fail('bad_answer', 'The answer of the model does not have the form that its API promises.', {
    nextStep: 'Look at it with an HTTP client, such as curl.',
  });
}

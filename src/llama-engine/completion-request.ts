import { z } from 'zod';
import { unsupported } from './api-error.ts';
import { samplingFields } from './sampling.ts';

export const completionRequest = z.object({
  ...samplingFields,
  prompt: z.union([z.string(), z.array(z.unknown()).min(1)]),
  best_of: z.int().nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().nullish(),
  suffix: z.string().nullish(),
});

export type CompletionRequest = z.output<typeof completionRequest>;

export function promptOf(request: CompletionRequest): string {
  refuseUnsupportedCompletion(request);
  const { prompt } = request;
  if (typeof prompt === 'string') return prompt;
  const [only] = prompt;
  if (prompt.length === 1 && typeof only === 'string') return only;
  throw unsupported('prompt', 'This engine takes one text as "prompt", not several and not token numbers.');
}

function refuseUnsupportedCompletion(request: CompletionRequest): void {
  if ((request.best_of ?? 1) !== 1) throw unsupported('best_of', 'This engine returns one answer per request.');
  if (request.echo === true) throw unsupported('echo', 'This engine does not repeat the prompt.');
  if (typeof request.logprobs === 'number')
    throw unsupported('logprobs', 'This engine does not return log probabilities.');
  if ((request.suffix ?? '') !== '') throw unsupported('suffix', 'This engine does not write text before a suffix.');
}

import { formatBytes } from '../../base/format.ts';
import type { PrefetchInput, PreparedPrefetch } from '../../cache/cache.ts';
import type { Preview } from '../../operation/preview.ts';
import { describeModel, modelFacts, modelRelied } from './plan-lines.ts';

export function previewPrefetch({ model, regions }: PreparedPrefetch, given: PrefetchInput): Preview {
  return {
    input: { ...given, regions },
    summary: [
      `Fetch ${describeModel(model)} into ${regions.join(', ')}`,
      `At most ${formatBytes(model.bytes * regions.length)}`,
    ],
    relied: { ...modelRelied(model), 'the regions': regions.join(', ') },
    facts: { ...modelFacts(model), regions, adds: true },
    private: model.private,
  };
}

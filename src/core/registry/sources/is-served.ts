import type { WeightFormat } from '../../base/categories.ts';
import type { Fleet } from '../../region/fleet.ts';
import { suggestCategory } from '../sizing.ts';
import type { SourceInput } from './source.ts';

/** Whether a runtime in one of the regions serves a format. If the category is unknown, every format counts as served. */
export function isServedIn(fleet: Fleet, input: SourceInput, task: string | undefined, region?: string) {
  const category = input.category ?? suggestCategory(task);
  const names = region === undefined ? fleet.regions().map(({ name }) => name) : [region];
  return (format: WeightFormat): boolean =>
    category === undefined || names.some((name) => fleet.runtimesFor(name, category, format, task).length > 0);
}

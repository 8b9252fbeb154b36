import { listWithHidden, visibleTo } from '../../access/visibility.ts';
import type { Preview } from '../../operation/preview.ts';
import type { Removal } from '../../registry/registry.ts';
import { describeModel, modelFacts, modelRelied } from './plan-lines.ts';

export function previewRemoval({ model, instances, caller }: Removal, given: { model: string }): Preview {
  const nameOf = ({ id, state }: Removal['instances'][number]): string => `${model.name}:${id} (${state})`;
  const users = instances.map(nameOf).join(', ');
  const { shown, hidden } = visibleTo(instances, caller);
  return {
    input: { ...given },
    summary: [
      `Delete ${describeModel(model)} of ${model.ownerName}`,
      users === '' ? 'Nothing uses it' : `Used by ${listWithHidden(shown.map(nameOf), hidden)}`,
    ],
    relied: { ...modelRelied(model), 'what uses it': users || 'nothing' },
    facts: { ...modelFacts(model), adds: false },
    private: model.private,
  };
}

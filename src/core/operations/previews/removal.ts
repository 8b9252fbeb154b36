import type { Preview } from '../../operation/preview.ts';
import type { Removal } from '../../registry/registry.ts';
import { describeModel, modelFacts, modelRelied } from './plan-lines.ts';

export function previewRemoval({ model, instances }: Removal, given: { model: string }): Preview {
  const users = instances.map(({ id, state }) => `${model.name}:${id} (${state})`).join(', ');
  return {
    input: { ...given },
    summary: [
      `Delete ${describeModel(model)} of ${model.ownerName}`,
      users === '' ? 'Nothing uses it' : `Used by ${users}`,
    ],
    relied: { ...modelRelied(model), 'what uses it': users || 'nothing' },
    facts: { ...modelFacts(model), adds: false },
    private: model.private,
  };
}

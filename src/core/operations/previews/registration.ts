import { formatBytes } from '../../base/format.ts';
import { plainWords } from '../../base/prose.ts';
import type { Preview } from '../../operation/preview.ts';
import type { RegisterInput, Registration } from '../../registry/registry.ts';
import { leftOutLine, modelFacts } from './plan-lines.ts';

/** The input names the commit instead of the revision, because a branch may move before the run. */
export function previewRegistration({ model, candidate, warnings }: Registration, given: RegisterInput): Preview {
  const { commit, licence, bytes, gated, region, files } = model;
  return {
    input: { ...given, ...(commit === undefined ? {} : { revision: commit }), category: model.category },
    summary: [
      `Register ${given.name} from ${candidate.title}`,
      `${formatBytes(bytes)} in ${files.length} ${files.length === 1 ? 'file' : 'files'}${commit === undefined ? '' : ` at ${commit.slice(0, 12)}`}`,
      `Licence: ${licence ?? 'not stated'}${gated ? ', gated' : ''}`,
      ...leftOutLine(model),
      ...warnings.map(plainWords),
    ],
    relied: { 'the commit': commit ?? 'none', 'the size': String(bytes), 'the licence': licence ?? 'none' },
    facts: { ...modelFacts(model), ...(region === undefined ? {} : { regions: [region] }), adds: false },
    private: given.private ?? false,
  };
}

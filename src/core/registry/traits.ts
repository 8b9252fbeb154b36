import type { Category } from '../base/categories.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { ModelTraits } from '../runtimes/model-arguments.ts';
import type { Architecture } from './model.ts';
import { projectorsOf } from './selection/choose-gguf.ts';

/** What an engine must know of a model, of a registered one or of a candidate. */
export function traitsOf(model: {
  category: Category;
  task?: string | undefined;
  architecture: Architecture;
  files: readonly PullFile[];
}): ModelTraits {
  const { category, task, architecture, files } = model;
  const { family, architectures, chatTemplate, contextLength } = architecture;
  return {
    category,
    task,
    family,
    architectures,
    chatTemplate,
    contextLength,
    projector: projectorsOf(files)[0]?.path,
  };
}

import { z } from 'zod';
import { say } from '../base/prose.ts';
import { field } from '../operation/operation.ts';
import { modelSources } from '../registry/sources/sources.ts';
import { categories } from '../base/categories.ts';

/** The built-in sources are shown as values. The registry decides: it may have sources that only it knows. */
export const sourceName = z.string().meta({ enum: modelSources.map(({ name }) => name) });

const huggingface = { field: 'source', value: 'huggingface' };
const filesystem = { field: 'source', value: 'filesystem' };

/** The source of a model. `check_model` and `register_model` share these fields. */
export const sourceFields = {
  source: field(sourceName, {
    label: 'Source',
    help: 'Source of the weights: a Hugging Face repo, or a folder on a shared filesystem.',
    example: 'huggingface',
  }),
  repo: field(z.string().min(1).max(500).optional(), {
    label: 'Repository',
    help: 'Hugging Face repository: owner/name or address.',
    example: 'Qwen/Qwen2.5-0.5B-Instruct-GGUF',
    onlyWith: huggingface,
    requiredThere: true,
  }),
  revision: field(z.string().min(1).max(200).optional(), {
    label: 'Revision',
    help: 'Branch, tag or commit; main unless given. It is resolved to a commit once, when the model is registered.',
    brief: 'Branch, tag or commit; main unless given. Resolved once, at registration.',
    example: 'main',
    onlyWith: huggingface,
  }),
  credential: field(z.string().min(1).max(100).optional(), {
    label: 'Credential',
    help: say`Name of a stored Hugging Face token, for gated repos. Never the token itself.`,
    example: 'env',
    choices: { operation: 'list_credentials', value: 'credential' },
    onlyWith: huggingface,
  }),
  filesystem: field(z.string().min(1).max(100).optional(), {
    label: 'Filesystem',
    help: 'Name of a shared filesystem.',
    example: 'shared-models',
    choices: { operation: 'list_filesystems', value: 'name' },
    onlyWith: filesystem,
    requiredThere: true,
  }),
  subfolder: field(z.string().min(1).max(500).optional(), {
    label: 'Subfolder',
    help: 'Folder of the model inside the filesystem.',
    example: 'teams/nlp/my-model',
    onlyWith: filesystem,
    requiredThere: true,
  }),
  category: field(z.enum(categories).optional(), {
    label: 'Category',
    help: 'What the model does. Required if EcoLink cannot tell it from the repo.',
    example: 'chat',
  }),
  include: field(z.array(z.string().min(1).max(200)).max(50).optional(), {
    label: 'Include',
    help: 'Patterns (*, **, ?, [a-z]) of the files to fetch, in place of the selection EcoLink makes.',
    brief: 'Patterns (*, **, ?, [a-z]) of files to fetch instead of our choice.',
    example: '*.safetensors',
    advanced: true,
  }),
  exclude: field(z.array(z.string().min(1).max(200)).max(50).optional(), {
    label: 'Exclude',
    help: 'Patterns of files to leave out of the selection.',
    brief: 'Patterns of files that must not be chosen.',
    example: '*.bin',
    advanced: true,
  }),
  private: field(z.boolean().optional(), {
    label: 'Private',
    help: 'Only you and admins can see the model.',
    advanced: true,
  }),
};

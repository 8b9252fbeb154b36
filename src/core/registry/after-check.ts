import { run, runNext, say, task } from '../base/prose.ts';
import type { OperationArgument, Prose } from '../base/prose.ts';
import type { SourceInput } from './sources/source.ts';

interface Checked {
  downloadable: boolean;
  category?: string | undefined;
  commit?: string | undefined;
  entries: readonly { name: string; commit: string }[];
}

/** What to do after a look at a source: use the model that exists, register it, or get access first. */
export function afterCheck(input: SourceInput, found: Checked): Prose {
  const same = found.entries.find(({ commit }) => commit === found.commit);
  const given: Record<string, OperationArgument | undefined> = { ...input };
  // The person who asks knows best what it is for, but a name and a category are needed.
  const register = { ...given, name: nameFor(input), category: input.category ?? found.category ?? '<category>' };
  if (!found.downloadable) {
    return say`No credential here may download it. First, a person must ${task('add_credential')} and accept the terms of the repo. Then check it again.`;
  }
  if (same) {
    return say`It is registered as "${same.name}". See what a launch would do: ${runNext('plan_launch', { model: same.name })}. ${run('register_model', register)} makes another entry.`;
  }
  return say`Register it under a name of your choice: ${runNext('register_model', register)}.`;
}

const mostCharacters = 48;

/** A valid name, from the last part of the repo or the folder. */
function nameFor({ repo, subfolder, filesystem }: SourceInput): string {
  const last = (repo ?? subfolder ?? filesystem ?? '').split('/').at(-1) ?? '';
  const slug = last
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, mostCharacters)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return slug === '' ? '<name>' : slug;
}

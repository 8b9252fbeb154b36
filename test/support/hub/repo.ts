import { makeCommit, usuallyLfs } from '../../../src/quickstart/hub-repo.ts';
import type { HubCommit, HubContent, HubFile, HubModelFacts } from '../../../src/quickstart/hub-repo.ts';
import { contentOf, type FileSource } from './content.ts';

/** Where a user's request for a gated repo stands. */
export type GateState = 'accepted' | 'pending' | 'rejected' | 'none';

export interface RepoOptions extends HubModelFacts {
  files: Record<string, FileSource>;
  /** Which files are kept in LFS; by default weights and whatever is large. */
  lfs?: (path: string, size: number) => boolean;
  /** Who may read it though it is private or gated; by default nobody. */
  owner?: string;
  /** Where users' requests for a gated repo stand; a user who is not named has asked for nothing. */
  gate?: Record<string, GateState>;
}

/** A repo of the test Hub with its whole history. */
export class HubRepo {
  readonly id: string;
  readonly owner: string | undefined;
  readonly gate: Map<string, GateState>;
  readonly facts: HubModelFacts;
  readonly #isLfs: (path: string, size: number) => boolean;
  readonly #branches = new Map<string, HubCommit>();
  readonly #commits = new Map<string, HubCommit>();

  constructor(id: string, options: RepoOptions) {
    const { files, lfs, owner, gate, ...facts } = options;
    this.id = id;
    this.owner = owner;
    this.gate = new Map(Object.entries(gate ?? {}));
    this.facts = facts;
    this.#isLfs = lfs ?? usuallyLfs;
    this.#commit('', toContents(files));
  }

  get head(): HubCommit {
    const head = this.#branches.get('main');
    if (!head) throw new Error(`${this.id} has no main branch`);
    return head;
  }

  /** A new commit on main: these files added or replaced, those set to null removed. */
  push(files: Record<string, FileSource | null>): HubCommit {
    const contents = new Map(this.head.files.map((file) => [file.path, file.content]));
    for (const [path, source] of Object.entries(files)) {
      if (source === null) contents.delete(path);
      else contents.set(path, contentOf(source));
    }
    return this.#commit(this.head.sha, contents);
  }

  branch(name: string, commit: string = this.head.sha): void {
    const found = this.at(commit);
    if (!found) throw new Error(`${this.id} has no commit ${commit}`);
    this.#branches.set(name, found);
  }

  at(revision: string): HubCommit | undefined {
    if (revision === 'HEAD') return this.head;
    return this.#branches.get(revision) ?? this.#commits.get(revision);
  }

  file(revision: string, path: string): HubFile | undefined {
    return this.at(revision)?.files.find((file) => file.path === path);
  }

  #commit(parent: string, contents: ReadonlyMap<string, HubContent>): HubCommit {
    const commit = makeCommit(this.id, parent, contents, this.#isLfs);
    this.#commits.set(commit.sha, commit);
    this.#branches.set('main', commit);
    return commit;
  }
}

function toContents(files: Record<string, FileSource>): Map<string, HubContent> {
  return new Map(Object.entries(files).map(([path, source]) => [path, contentOf(source)]));
}

import type { PullFile } from '../../base/pull-file.ts';

export type LeftOutReason =
  | 'other format'
  | 'other precision'
  | 'other quantisation'
  | 'other copy'
  | 'incomplete copy'
  | 'single-file checkpoint'
  | 'not a component'
  | 'training state'
  | 'side weights'
  | 'adapter'
  | 'other projector'
  | 'not a model'
  | 'documentation'
  | 'housekeeping'
  | 'not included'
  | 'excluded';

/** Files of the source that a launch does not fetch, by reason. */
export interface LeftOut {
  reason: LeftOutReason;
  files: number;
  bytes: number;
  /** The path of the largest one. */
  example: string;
}

/** Why each file is left out, by path. The first reason is kept. */
export class LeaveList {
  readonly #reasons = new Map<string, LeftOutReason>();

  leave(reason: LeftOutReason, files: readonly { path: string }[]): void {
    for (const { path } of files) if (!this.#reasons.has(path)) this.#reasons.set(path, reason);
  }

  has(path: string): boolean {
    return this.#reasons.has(path);
  }

  /** The files of `all` that were left out, in groups, the largest group first. */
  groups(all: readonly PullFile[]): LeftOut[] {
    const groups = new Map<LeftOutReason, LeftOut & { largest: number }>();
    for (const { path, size } of all) {
      const reason = this.#reasons.get(path);
      if (reason === undefined) continue;
      const group = groups.get(reason) ?? { reason, files: 0, bytes: 0, example: path, largest: size };
      group.files += 1;
      group.bytes += size;
      if (size > group.largest) Object.assign(group, { example: path, largest: size });
      groups.set(reason, group);
    }
    return [...groups.values()].map(({ largest: _largest, ...group }) => group).toSorted((a, b) => b.bytes - a.bytes);
  }
}

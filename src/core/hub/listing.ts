import { z } from 'zod';
import type { PullFile } from '../base/pull-file.ts';
import { fail } from '../base/errors.ts';
import { notAHub } from './hub-errors.ts';

/** A repo with more files is a data set, or holds many models. */
export const mostFiles = 20_000;

export function tooManyFiles(repo: string): Error {
  return fail('too_many_files', `${repo} holds more than ${mostFiles} files: it is not the repo of one model.`, {
    nextStep: 'Name a repo that holds one model.',
    field: 'repo',
  });
}

/** One file of a repo's tree, as the Hub lists it. Other fields are ignored. */
const treeFile = z.object({
  type: z.literal('file'),
  path: z.string().min(1).max(4096),
  size: z.int().nonnegative(),
  oid: z.hex().length(40).toLowerCase().optional(),
  lfs: z.object({ oid: z.hex().length(64).toLowerCase(), size: z.int().nonnegative() }).nullish(),
});

/** A file to download. Undefined for a folder. Throws `hub_error` for anything else, because a wrong hash would fail every download. */
export function parseTreeEntry(entry: unknown): PullFile | undefined {
  if (typeof entry === 'object' && entry !== null && 'type' in entry && entry.type !== 'file') return undefined;
  const parsed = treeFile.safeParse(entry);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join('.') ?? 'entry';
    throw fail('hub_error', `The Hub lists a file in a way that cannot be read (${where || 'entry'}).`, {
      nextStep: 'Try again later. If HF_ENDPOINT names a mirror, check that it answers as the Hub does.',
      cause: parsed.error,
    });
  }
  const { path, size, oid, lfs } = parsed.data;
  if (lfs) return { path, size: lfs.size, sha256: lfs.oid };
  return { path, size, ...(oid === undefined ? {} : { blob_id: oid }) };
}

/** The fields of a repo that EcoLink uses. Strangers wrote the texts, so they are cut. */
const repoInfo = z.object({
  sha: z.hex().length(40).toLowerCase(),
  private: z.boolean().catch(false),
  gated: z.unknown(),
  task: text(100),
  tags: z.array(z.unknown()).catch([]),
  cardData: z
    .object({ license: text(100) })
    .optional()
    .catch(undefined),
  safetensors: z.object({ total: z.number().positive() }).optional().catch(undefined),
});

export interface RepoInfo {
  commit: string;
  gated: boolean;
  private: boolean;
  licence?: string;
  task?: string;
  tags: string[];
  parameters?: number;
}

/** Throws `hub_error` if the answer names no commit. */
export function parseRepoInfo(info: unknown): RepoInfo {
  const parsed = repoInfo.safeParse(info);
  if (!parsed.success) throw notAHub(parsed.error);
  const { sha, gated, private: isPrivate, task, tags, cardData, safetensors } = parsed.data;
  return {
    commit: sha,
    gated: Boolean(gated),
    private: isPrivate,
    tags: tags.flatMap((tag) => (typeof tag === 'string' ? [tag.slice(0, 100)] : [])).slice(0, 100),
    ...(cardData?.license === undefined ? {} : { licence: cardData.license }),
    ...(task ? { task } : {}),
    ...(safetensors ? { parameters: safetensors.total } : {}),
  };
}

function text(most: number) {
  return z
    .string()
    .transform((value) => value.slice(0, most))
    .optional()
    .catch(undefined);
}

import type { Caller } from '../base/caller.ts';
import type { ModelCredential } from '../access/credentials/credentials.ts';
import { auditedAs } from '../access/audited-as.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import type { Model } from '../registry/model.ts';
import { findModel } from '../registry/table.ts';
import { sharesRepo } from '../volumes/model-volume.ts';
import { updateVolume } from '../volumes/table.ts';
import type { Volume } from '../volumes/table.ts';

type User = { id: number; entryId: string };

export interface Choice {
  /** What the volume remembers of it: the credential's id or name, empty for none. */
  mark: string;
  entry: ModelCredential & { name: string };
  /** False where all were refused already. */
  untried: boolean;
}

/** Nobody asked for this alone: downloads are for entries, with what the entries were registered with. */
const downloader: Caller = {
  person: { id: 'downloads', name: 'downloads', role: 'admin' },
  identity: 'downloads',
  agent: false,
  mayDecide: false,
  source: 'system',
  scopes: [],
};

/**
 * The credential of an entry that wants the bytes now, whoever asked for the launch; for a prefetch, of any entry of
 * the same files. One that the Hub refused comes last.
 */
export async function chooseCredential(
  deps: ReconcilerDeps,
  volume: Volume,
  refused: readonly string[],
  users: readonly User[],
): Promise<Choice> {
  const wanting = await Promise.all(users.map(({ entryId }) => findModel(deps.store.db, { id: entryId })));
  const entries = [...wanting.filter((each) => each !== undefined), ...(await entriesOfFiles(deps, volume, users))];
  const choices = entries
    .filter((entry) => entry.credential !== undefined)
    .map((entry) => ({ mark: markOf(entry), entry }));
  const untried = choices.find(({ mark }) => !refused.includes(mark));
  const fallback = choices[0] ?? { mark: '', entry: { name: entries[0]?.name ?? volume.repo } };
  return { ...(untried ?? fallback), untried: untried !== undefined };
}

async function entriesOfFiles(
  { store, sources }: ReconcilerDeps,
  volume: Volume,
  users: readonly User[],
): Promise<(ModelCredential & { name: string })[]> {
  // Who launches one entry is not given what somebody else may read.
  if (users.length > 0) return [];
  const rows = await store.db
    .selectFrom('models')
    .select('entry')
    .where('repo', '=', volume.repo)
    .where('selection', '=', volume.selection)
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .execute();
  return rows
    .map((row) => JSON.parse(row.entry) as ModelCredential & Pick<Model, 'name' | 'source' | 'repo'>)
    .filter((model) => sharesRepo(sources, model, volume));
}

/** The value, with two rows in the audit where it is a stored one: its owner may not be who asked for the launch. */
export async function tokenOf(
  deps: ReconcilerDeps,
  volume: Volume,
  { entry }: Choice,
  users: readonly User[],
): Promise<string | undefined> {
  const credential = await deps.credentials.forModel(entry);
  if (credential?.id === undefined) return credential?.token;
  const about = {
    credential: credential.name,
    owner: credential.owner,
    model: entry.name,
    repo: volume.repo,
    volume: volume.key,
    region: volume.region,
    instances: users.map(({ id }) => id),
  };
  return auditedAs(deps, downloader, 'use_credential', about, async () => credential.token);
}

/** Remembers that the Hub refused the last attempt, and on whose token that throws a doubt. */
export async function noteRefusal(deps: ReconcilerDeps, volume: Volume, code: string): Promise<string[]> {
  const { credential: mark = '', refused } = volume;
  if (volume.state !== 'downloading' || refused.includes(mark)) return refused;
  const tried = [...refused, mark];
  await updateVolume(deps.store.db, volume.key, { refused: tried });
  // A gate that is closed to the account says nothing against its token.
  if (code === 'token_refused') await deps.credentials.noteRefusal(mark);
  return tried;
}

function markOf({ credential, credentialId }: ModelCredential): string {
  return credentialId ?? credential ?? '';
}

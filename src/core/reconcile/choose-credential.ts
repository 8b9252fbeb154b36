import { z } from 'zod';
import type { Caller } from '../base/caller.ts';
import type { ModelCredential } from '../access/credentials/credentials.ts';
import { auditedAs } from '../access/audited-as.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import { findModel } from '../registry/table.ts';
import { readJsonColumn } from '../store/json-column.ts';
import { sharesRepo } from '../volumes/model-volume.ts';
import { updateVolume } from '../volumes/table.ts';
import type { Volume } from '../volumes/table.ts';

type User = { id: number; registryModelId: string };

/** A model that may have a credential. */
type NamedModel = ModelCredential & { name: string };

export interface CredentialChoice {
  /** Id or name of the credential, as the volume stores it. Empty for none. */
  credential: string;
  /** The model that was registered with it. */
  model: NamedModel;
  /** False if the Hub has refused all credentials. */
  untried: boolean;
}

/** The caller in the audit log: a download belongs to all models of its files, so no person asked for it alone. */
const downloader: Caller = {
  person: { id: 'downloads', name: 'downloads', role: 'admin' },
  identity: 'downloads',
  agent: false,
  mayDecide: false,
  source: 'system',
  scopes: [],
};

/**
 * The credential of a model that an instance waits with, whoever launched it. For a prefetch, that of any model with the
 * same files. A credential that the Hub refused comes last.
 */
export async function chooseCredential(
  deps: ReconcilerDeps,
  volume: Volume,
  refused: readonly string[],
  users: readonly User[],
): Promise<CredentialChoice> {
  const waiting = await Promise.all(users.map((user) => findModel(deps.store.db, { id: user.registryModelId })));
  const models = [...waiting.filter((each) => each !== undefined), ...(await modelsOfFiles(deps, volume, users))];
  const choices = models
    .filter((model) => model.credential !== undefined)
    .map((model) => ({ credential: storedName(model), model }));
  const untried = choices.find(({ credential }) => !refused.includes(credential));
  const fallback = choices[0] ?? { credential: '', model: { name: models[0]?.name ?? volume.repo } };
  return { ...(untried ?? fallback), untried: untried !== undefined };
}

const modelColumn = z.object({
  name: z.string(),
  source: z.string(),
  repo: z.string().optional(),
  credential: z.string().optional(),
  credentialId: z.string().optional(),
});

async function modelsOfFiles(
  { store, sources }: ReconcilerDeps,
  volume: Volume,
  users: readonly User[],
): Promise<NamedModel[]> {
  // A launch of one model must not use the credential of another person's model.
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
    .flatMap((row) => readJsonColumn(modelColumn, row.entry) ?? [])
    .filter((model) => sharesRepo(sources, model, volume));
}

/** The token. The use of a stored one is audited, because its owner may be another person than the requester of the launch. */
export async function tokenOf(
  deps: ReconcilerDeps,
  volume: Volume,
  { model }: CredentialChoice,
  users: readonly User[],
): Promise<string | undefined> {
  const credential = await deps.credentials.forModel(model);
  if (credential?.id === undefined) return credential?.token;
  const about = {
    credential: credential.name,
    owner: credential.owner,
    model: model.name,
    repo: volume.repo,
    volume: volume.key,
    region: volume.region,
    instances: users.map(({ id }) => id),
  };
  return auditedAs(deps, downloader, 'use_credential', about, async () => credential.token);
}

/** Stores that the Hub refused the last attempt. Marks the credential too, if its token was refused. */
export async function noteRefusal(deps: ReconcilerDeps, volume: Volume, code: string): Promise<string[]> {
  const { credential = '', refused } = volume;
  if (volume.state !== 'downloading' || refused.includes(credential)) return refused;
  const tried = [...refused, credential];
  await updateVolume(deps.store.db, volume.key, { refused: tried });
  // A closed gate says nothing against the token.
  if (code === 'token_refused') await deps.credentials.noteRefusal(credential);
  return tried;
}

function storedName({ credential, credentialId }: ModelCredential): string {
  return credentialId ?? credential ?? '';
}

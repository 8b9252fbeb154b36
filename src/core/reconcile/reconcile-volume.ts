import type { PullManifest } from '../download/manifest.ts';
import { asEcolinkError, fail } from '../base/errors.ts';
import { plainWords, sentences } from '../base/prose.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import type { Requeue } from '../base/work-queue.ts';
import type { ObservedVolume, Region } from '../region/region.ts';
import type { Reason } from '../base/reason.ts';
import { acceleratorsOf } from '../instances/table.ts';
import { keepDuration } from '../instances/durations.ts';
import { filesOfSelection, findVolume, updateVolume, usersOfVolume } from '../volumes/table.ts';
import type { Volume, VolumeUpdate } from '../volumes/table.ts';
import { sourceOfVolume } from '../volumes/model-volume.ts';
import { donorKeys } from '../volumes/donors.ts';
import { finishEviction } from '../volumes/evict-volume.ts';
import { chooseCredential, noteRefusal, tokenOf } from './choose-credential.ts';
import { mayNeedAnotherToken } from '../hub/read-refusal.ts';
import { planVolume } from './plan-volume.ts';

const watchMs = 1000;
/** Wait after a region could not start a download. */
const startAgainMs = 5000;
/** Retry interval while something blocks the deletion, in case the region does not notify us when it is released. */
const deleteAgainMs = 30_000;

/** Reconciles one volume in one region. Nudges the instances that need it when it changes. */
export async function reconcileVolume(deps: ReconcilerDeps, key: string): Promise<Requeue> {
  const volume = await findVolume(deps.store.db, key);
  const region = deps.fleet.regions().find((each) => each.name === volume?.region);
  if (!volume || !region) return 'when_nudged';
  const users = await usersOfVolume(deps.store.db, key);
  const wanted = volume.prefetch || users.length > 0;
  const observed = await region.observeVolume(key);
  const refused =
    observed.state === 'failed' && observed.attempt === volume.attempt && mayNeedAnotherToken(observed.failure.code);
  const tried = refused ? await noteRefusal(deps, volume, observed.failure.code) : volume.refused;
  const otherCredential = refused && (await chooseCredential(deps, volume, tried, users)).untried;
  const step = planVolume(volume, observed, wanted, deps.now().getTime(), otherCredential);
  if (step.do === 'start')
    await start(deps, region, volume, { attempt: step.attempt, fresh: observed.state === 'absent' }, users);
  if (step.do === 'stop') await region.stopDownload(key);
  if (step.do === 'delete') return evict(deps, region, volume, users);
  const update = updateFor(step, observed, volume.reason);
  if (update) await write(deps, volume, update, users);
  const now = await findVolume(deps.store.db, key);
  return now?.state === 'queued' || now?.state === 'downloading' ? watchMs : 'when_nudged';
}

/** Deletes the volume. An error that may pass becomes the volume's reason, and the deletion is tried again. */
async function evict(
  deps: ReconcilerDeps,
  region: Region,
  volume: Volume,
  users: readonly { id: number; region: string }[],
): Promise<Requeue> {
  try {
    await finishEviction(deps, volume, region);
    if (volume.state !== 'evicting')
      deps.log.info({ volume: volume.key, region: volume.region }, 'volume deleted by hand');
    return 'when_nudged';
  } catch (thrown) {
    const error = asEcolinkError(thrown, volume.key);
    if (error.kind === 'unexpected' || !error.retryable) throw thrown;
    const reason = { code: error.code, message: plainWords(sentences(error.said, error.nextStep)) };
    if (volume.state !== 'evicting' || volume.reason?.message !== reason.message)
      await write(deps, volume, { state: 'evicting', progress: null, reason }, users);
    return deleteAgainMs;
  }
}

function updateFor(
  step: ReturnType<typeof planVolume>,
  observed: ObservedVolume,
  before: Reason | undefined,
): VolumeUpdate | undefined {
  const progress = observed.state === 'downloading' ? observed.progress : undefined;
  const waiting = observed.state === 'downloading' ? observed.reason : undefined;
  if (step.do === 'nothing' && observed.state === 'downloading' && waiting?.message !== before?.message)
    return { progress, reason: waiting ?? null };
  if (step.do !== 'record') return progress && { progress };
  const finished = step.state === 'ready' || step.state === 'absent' || step.state === 'partial';
  return {
    state: step.state,
    failures: step.failures,
    reached: step.reached,
    retryAt: step.retryAt ?? null,
    reason: step.reason ?? waiting ?? null,
    progress,
    ...(finished ? { prefetch: false, progress: null, refused: [], reached: 0 } : {}),
  };
}

async function write(
  deps: ReconcilerDeps,
  volume: Volume,
  update: VolumeUpdate,
  users: readonly { id: number; region: string }[],
): Promise<void> {
  // The end of a download counts as a use for the eviction policy.
  const ended = update.state === 'ready' || update.state === 'partial' || update.state === 'failed';
  const lastUsedAt = ended ? deps.now().toISOString() : undefined;
  await updateVolume(deps.store.db, volume.key, { ...update, lastUsedAt });
  if (update.state === 'ready') await keepDownload(deps, volume);
  deps.changes.publish({ kind: 'volume', id: volume.key });
  const changed = update.state !== undefined && update.state !== volume.state;
  if (changed)
    deps.log.info(
      { volume: volume.key, region: volume.region, state: update.state, reason: update.reason?.message },
      'volume changed',
    );
  for (const user of users) {
    if (changed) deps.nudge({ instance: user.id, region: user.region });
    else deps.changes.publish({ kind: 'instance', id: String(user.id) });
  }
}

/** Keeps how long the download took. One that went on from an earlier attempt has no speed of its own. */
async function keepDownload({ store, now }: ReconcilerDeps, volume: Volume): Promise<void> {
  const { state, startedAt, region, bytes } = volume;
  if (state !== 'downloading' || startedAt === undefined) return;
  const at = now();
  const ms = at.getTime() - Date.parse(startedAt);
  await keepDuration(store.db, { what: 'download', region, runtime: '' }, { bytes, ms }, at.toISOString());
}

/**
 * Starts a download. The attempt's number is stored first, so that after a crash the next attempt gets a higher one.
 * `fresh`: nothing of it is on the disk yet.
 */
async function start(
  deps: ReconcilerDeps,
  region: Region,
  volume: Volume,
  { attempt, fresh }: { attempt: number; fresh: boolean },
  users: readonly { id: number; region: string; registryModelId: string }[],
): Promise<void> {
  const choice = await chooseCredential(deps, volume, volume.refused, users);
  const donors = await donorsFor(deps, region, volume);
  await updateVolume(deps.store.db, volume.key, {
    attempt,
    state: 'downloading',
    retryAt: null,
    credential: choice.credential,
    // The time of a download says nothing about the network if files come from other volumes.
    startedAt: fresh && donors.length === 0 ? deps.now().toISOString() : null,
  });
  try {
    const manifest = await manifestOf(deps, volume);
    const token = await tokenOf(deps, volume, choice, users);
    await region.startDownload(volume.key, manifest, attempt, token, await acceleratorsFor(deps, users), donors);
  } catch (thrown) {
    const error = asEcolinkError(thrown, volume.key);
    if (error.kind === 'unexpected') throw thrown;
    await updateVolume(deps.store.db, volume.key, {
      ...(error.retryable ? { state: 'queued', retryAt: deps.now().getTime() + startAgainMs } : { state: 'failed' }),
      reason: { code: error.code, message: error.message },
    });
  }
  for (const user of users) deps.nudge({ instance: user.id, region: user.region });
}

async function manifestOf({ store, sources }: ReconcilerDeps, volume: Volume): Promise<PullManifest> {
  const source = sourceOfVolume(sources, volume);
  if (!source) {
    throw fail('source_not_found', `This version of EcoLink knows no source of the volume ${volume.key}.`, {
      nextStep: 'Use the version that made the volume, or register its model from another source.',
    });
  }
  const { repo, commit, selection } = volume;
  return { version: 1, endpoint: source.endpoint, repo, commit, files: await filesOfSelection(store.db, selection) };
}

async function donorsFor({ store }: ReconcilerDeps, region: Region, volume: Volume): Promise<string[]> {
  const { sharing } = region.capabilities;
  if (sharing === undefined) return [];
  const files = await filesOfSelection(store.db, volume.selection).catch(() => []);
  return donorKeys(store.db, volume, files, sharing);
}

/** The accelerators of the instances that wait for the volume. Undefined if none waits. */
async function acceleratorsFor(
  { store }: ReconcilerDeps,
  users: readonly { id: number }[],
): Promise<string[] | undefined> {
  if (users.length === 0) return undefined;
  return acceleratorsOf(
    store.db,
    users.map(({ id }) => id),
  );
}

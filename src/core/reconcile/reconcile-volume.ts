import type { PullManifest } from '../download/manifest.ts';
import { asEcolinkError, fail } from '../base/errors.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import type { Requeue } from '../base/work-queue.ts';
import type { ObservedVolume, Region } from '../region/region.ts';
import { plainWords } from '../base/prose.ts';
import type { Reason } from '../base/reason.ts';
import { findInstance } from '../instances/table.ts';
import { filesOfSelection, findVolume, updateVolume, usersOfVolume } from '../volumes/table.ts';
import type { Volume, VolumeUpdate } from '../volumes/table.ts';
import { sourceOfVolume } from '../volumes/model-volume.ts';
import { finishEviction } from '../volumes/evict-volume.ts';
import { chooseCredential, noteRefusal, tokenOf } from './choose-credential.ts';
import { mayNeedAnotherToken } from '../hub/read-refusal.ts';
import { planVolume } from './plan-volume.ts';

const watchMs = 1000;
/** After the region could not start a download and may be able to later. */
const startAgainMs = 5000;
/** Something holds back what is to be deleted, which a region tells when it lets go; this is for what it keeps to itself. */
const heldBackMs = 30_000;

/** One volume in one region. Whoever needs it is nudged when it changes. */
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
  const another = refused && (await chooseCredential(deps, volume, tried, users)).untried;
  const step = planVolume(volume, observed, wanted, deps.now().getTime(), another);
  if (step.do === 'start') await start(deps, region, volume, step.attempt, users);
  if (step.do === 'stop') await region.stopDownload(key);
  if (step.do === 'delete') return evict(deps, region, volume, users);
  const update = updateFor(step, observed, volume.reason);
  if (update) await write(deps, volume, update, users);
  const now = await findVolume(deps.store.db, key);
  return now?.state === 'queued' || now?.state === 'downloading' ? watchMs : 'when_nudged';
}

/** What holds it back is a reason to show, not a reason to stop trying. */
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
    const reason = { code: error.code, message: `${error.message} ${plainWords(error.nextStep)}` };
    if (volume.state !== 'evicting' || volume.reason?.message !== reason.message)
      await write(deps, volume, { state: 'evicting', progress: null, reason }, users);
    return heldBackMs;
  }
}

function updateFor(
  step: ReturnType<typeof planVolume>,
  observed: ObservedVolume,
  before: Reason | undefined,
): VolumeUpdate | undefined {
  const progress = observed.state === 'downloading' && observed.progress ? { progress: observed.progress } : undefined;
  const waiting = observed.state === 'downloading' ? observed.reason : undefined;
  if (step.do === 'nothing' && observed.state === 'downloading' && waiting?.message !== before?.message)
    return { ...progress, reason: waiting ?? null };
  if (step.do !== 'record') return progress;
  const finished = step.state === 'ready' || step.state === 'absent' || step.state === 'partial';
  return {
    state: step.state,
    failures: step.failures,
    ...(step.reached === undefined ? {} : { reached: step.reached }),
    retryAt: step.retryAt ?? null,
    reason: step.reason ?? waiting ?? null,
    ...progress,
    ...(finished ? { prefetch: false, progress: null, refused: [], reached: 0 } : {}),
  };
}

async function write(
  deps: ReconcilerDeps,
  volume: Volume,
  update: VolumeUpdate,
  users: readonly { id: number; region: string }[],
): Promise<void> {
  // When it came to rest, too: from then on a policy counts.
  const marks = update.state === 'ready' || update.state === 'partial' || update.state === 'failed';
  const used = marks ? { lastUsedAt: deps.now().toISOString() } : {};
  await updateVolume(deps.store.db, volume.key, { ...update, ...used });
  deps.changes.publish({ kind: 'volume', id: volume.key });
  const turned = update.state !== undefined && update.state !== volume.state;
  if (turned)
    deps.log.info(
      { volume: volume.key, region: volume.region, state: update.state, reason: update.reason?.message },
      'volume changed',
    );
  for (const user of users) {
    if (turned) deps.nudge({ instance: user.id, region: user.region });
    else deps.changes.publish({ kind: 'instance', id: String(user.id) });
  }
}

/** The attempt's number is written before the attempt begins: whoever comes after a crash takes a higher one. */
async function start(
  deps: ReconcilerDeps,
  region: Region,
  volume: Volume,
  attempt: number,
  users: readonly { id: number; region: string; entryId: string }[],
): Promise<void> {
  const choice = await chooseCredential(deps, volume, volume.refused, users);
  await updateVolume(deps.store.db, volume.key, {
    attempt,
    state: 'downloading',
    retryAt: null,
    credential: choice.mark,
  });
  try {
    const manifest = await manifestOf(deps, volume);
    const token = await tokenOf(deps, volume, choice, users);
    await region.startDownload(volume.key, manifest, attempt, token, await acceleratorsOf(deps, users));
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

/** What those who wait for the bytes will run on; undefined where nobody waits. */
async function acceleratorsOf(
  { store }: ReconcilerDeps,
  users: readonly { id: number }[],
): Promise<string[] | undefined> {
  if (users.length === 0) return undefined;
  const instances = await Promise.all(users.map(({ id }) => findInstance(store.db, id)));
  return [...new Set(instances.flatMap((instance) => instance?.spec.accelerator ?? []))];
}

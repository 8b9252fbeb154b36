import type { Clock } from '../../../base/clock.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import type { NewId } from '../../../base/ids.ts';
import { fieldRef, say } from '../../../base/prose.ts';
import type { Reason } from '../../../base/reason.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { FilesystemConfig } from '../../../config/schema.ts';
import { mountPath } from '../../../region/filesystems.ts';
import type { FolderEntry, MarkedFile, RegionFilesystem, RegionFilesystems } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import type { Claim } from '../api/kinds.ts';
import { labels } from '../api/names.ts';
import { runPodTask } from '../pods/pod-task.ts';
import { fileAnswer, folderReport } from '../pods/task-answers.ts';
import type { FolderReport } from '../pods/task-answers.ts';
import { labelledClaims, whyNotShared } from './shared-claims.ts';
import type { SharedClaim } from './shared-claims.ts';

interface FilesystemsDeps {
  config: KubernetesRegionConfig;
  filesystems: readonly FilesystemConfig[];
  client: KubernetesClient;
  clock: Clock;
  newId: NewId;
}

/** The last claims that the region listed. `error`: why it does not list them now. */
interface KnownClaims {
  claims: readonly Claim[];
  error?: EcolinkError;
}

const deadlineSeconds = 300;
/** File contents that came with a listing answer the reads of this time, in milliseconds. */
const reportMs = 30_000;
const target = '/filesystem';
/** People wait for a list of filesystems, and one of the regions may hang. */
const patienceMs = 4000;
const freshMs = 5000;

/** Shared filesystems are existing claims. A pod mounts one read-only and prints what it holds. */
export class KubernetesFilesystems {
  readonly #deps: FilesystemsDeps;
  readonly #reports = new Map<string, { report: FolderReport; untilMs: number }>();
  #known: KnownClaims = { claims: [] };
  #asked: { answer: Promise<KnownClaims>; untilMs: number } | undefined;

  constructor(deps: FilesystemsDeps) {
    this.#deps = deps;
  }

  /** The filesystems of the config, and the claims with a label. If the region does not answer, the last ones it had. */
  async all(): Promise<RegionFilesystems> {
    const { claims, error } = await this.#claims();
    const reason = error && { code: error.code, message: error.message };
    const found = labelledClaims(claims, this.#deps.filesystems);
    const filesystems = [...this.#configured(claims), ...found].map((each) => viewOf(each, reason));
    return { filesystems, reason };
  }

  /** Throws if the region has no such filesystem, or cannot say. */
  async claimOf(filesystem: string): Promise<SharedClaim> {
    const { config, filesystems } = this.#deps;
    const listed = filesystems.find((each) => each.name === filesystem);
    if (listed?.claim !== undefined) return { name: filesystem, claim: listed.claim, mountPath: mountPath(listed) };
    const { claims, error } = await this.#claims();
    const found = labelledClaims(claims, filesystems).find((each) => each.name === filesystem);
    if (found?.problem) throw found.problem;
    if (found) return found;
    if (error) throw error;
    throw fail('filesystem_not_found', `The region ${config.name} has no filesystem "${filesystem}".`, {
      nextStep: `Add it to the filesystems in ecolink.yaml, or label its claim ${labels.filesystem}=${filesystem}.`,
    });
  }

  async list(filesystem: string, subfolder: string): Promise<FolderEntry[]> {
    const { claim } = await this.claimOf(filesystem);
    refuseOutside(subfolder);
    await this.#requireShared(claim);
    const args = ['list-folder', '--target', target, '--path', subfolder];
    const report = await runPodTask(this.#deps, this.#taskOn(claim, args), folderReport);
    const nowMs = this.#deps.clock.elapsedMs();
    for (const [name, { untilMs }] of this.#reports) if (untilMs < nowMs) this.#reports.delete(name);
    this.#reports.set(`${filesystem}/${subfolder}`, { report, untilMs: nowMs + reportMs });
    return report.entries;
  }

  async read(filesystem: string, path: string, maximumBytes: number): Promise<Buffer> {
    const { claim } = await this.claimOf(filesystem);
    refuseOutside(path);
    const content = this.#reported('contents', `${filesystem}/${path}`) ?? (await this.#readByPod(claim, path));
    const bytes = Buffer.from(content, 'base64');
    if (bytes.length <= maximumBytes) return bytes;
    throw fail('file_too_large', `${path} is too large to read.`, { nextStep: 'Check the folder.' });
  }

  /** Only what came with the listing: a pod for each file would take seconds. */
  async head(filesystem: string, path: string, bytes: number): Promise<Buffer | undefined> {
    const reported = this.#reported('heads', `${filesystem}/${path}`);
    return reported === undefined ? undefined : Buffer.from(reported, 'base64').subarray(0, bytes);
  }

  /** From the listing of the same folder, which comes first. An older image of EcoLink prints no marks. */
  async mark(filesystem: string, subfolder: string, paths: readonly string[]): Promise<MarkedFile[]> {
    const report = this.#fresh(`${filesystem}/${subfolder}`);
    const entries = report?.entries ?? (await this.list(filesystem, subfolder));
    const marks = this.#fresh(`${filesystem}/${subfolder}`)?.marks ?? {};
    const wanted = new Set(paths);
    return entries
      .filter(({ path, special }) => wanted.has(path) && !special)
      .map(({ path, size, mtimeMs }) => ({ path, size, mtimeMs, mark: marks[path] }));
  }

  #fresh(folder: string): FolderReport | undefined {
    const known = this.#reports.get(folder);
    return known && known.untilMs >= this.#deps.clock.elapsedMs() ? known.report : undefined;
  }

  #configured(claims: readonly Claim[]): SharedClaim[] {
    const { config, filesystems } = this.#deps;
    return filesystems.flatMap((each) => {
      const { name, claim } = each;
      if (claim === undefined) return [];
      const found = claims.find(({ metadata }) => metadata.name === claim);
      return { name, claim, mountPath: mountPath(each), problem: found ? whyNotShared(found) : missing(claim, config) };
    });
  }

  #claims(): Promise<KnownClaims> {
    const { clock } = this.#deps;
    if (this.#asked && this.#asked.untilMs > clock.elapsedMs()) return this.#asked.answer;
    const answer = this.#listClaims();
    this.#asked = { answer, untilMs: clock.elapsedMs() + freshMs };
    return answer;
  }

  /** All claims, except the volumes of models: there may be thousands. */
  async #listClaims(): Promise<KnownClaims> {
    try {
      const options = { timeoutMs: patienceMs };
      const { items } = await this.#deps.client.list('PersistentVolumeClaim', `!${labels.volume}`, options);
      this.#known = { claims: items };
      return this.#known;
    } catch (thrown) {
      if (!(thrown instanceof EcolinkError)) throw thrown;
      return { claims: this.#known.claims, error: thrown };
    }
  }

  #reported(kind: 'contents' | 'heads', path: string): string | undefined {
    for (const [folder, { report, untilMs }] of this.#reports) {
      if (untilMs < this.#deps.clock.elapsedMs() || !path.startsWith(`${folder}/`)) continue;
      const content = report[kind]?.[path.slice(folder.length + 1)];
      if (content !== undefined) return content;
    }
    return undefined;
  }

  async #readByPod(claim: string, path: string): Promise<string> {
    const args = ['read-file', '--target', target, '--path', path];
    return (await runPodTask(this.#deps, this.#taskOn(claim, args), fileAnswer)).content;
  }

  #taskOn(claim: string, args: readonly string[]) {
    return { claim, mountPath: target, writes: false, args, deadlineSeconds };
  }

  async #requireShared(claim: string): Promise<void> {
    const { client, config } = this.#deps;
    const found = await client.read('PersistentVolumeClaim', claim);
    const problem = found ? whyNotShared(found) : missing(claim, config);
    if (problem) throw problem;
  }
}

/** `unknown`: why the region does not answer. */
function viewOf({ name, mountPath: path, problem }: SharedClaim, unknown: Reason | undefined): RegionFilesystem {
  const shown = { name, mountPath: path };
  if (unknown) return { ...shown, state: 'unknown', reason: unknown };
  if (!problem) return { ...shown, state: 'usable' };
  return { ...shown, state: 'unusable', reason: { code: problem.code, message: problem.message } };
}

function missing(claim: string, { namespace }: KubernetesRegionConfig): EcolinkError {
  return fail('filesystem_missing', `The claim ${claim} does not exist in the namespace ${namespace}.`, {
    nextStep: 'Create it, or correct the claim in ecolink.yaml.',
    field: 'filesystem',
  });
}

/** Checked before a pod starts. */
function refuseOutside(path: string): void {
  if (!path.startsWith('/') && !path.split(/[\\/]/).includes('..') && !path.includes('\0')) return;
  throw fail('bad_subfolder', `"${path}" leads out of the filesystem.`, {
    nextStep: say`Give ${fieldRef('subfolder')} as a path below the filesystem's root, without a leading "/" and without "..".`,
    field: 'subfolder',
  });
}

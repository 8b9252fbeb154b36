import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';
import type { FilesystemConfig } from '../../config/schema.ts';
import { EcolinkError, inputError, notFound, refused } from '../../errors.ts';
import { mountPath } from '../filesystems.ts';
import type { FolderEntry, Reason, RegionFilesystem, RegionFilesystems } from '../region.ts';
import type { KubernetesClient } from './client.ts';
import { runErrand } from './errands.ts';
import type { FolderReport } from './folder-report.ts';
import type { Live } from './kinds.ts';
import { labels } from './names.ts';
import { labelledClaims, whyNotShared } from './shared-claims.ts';
import type { SharedClaim } from './shared-claims.ts';

interface Parts {
  config: KubernetesRegionConfig;
  filesystems: readonly FilesystemConfig[];
  client: KubernetesClient;
}

type Claim = Live<V1PersistentVolumeClaim>;

/** What the region last said of its claims; `error`: why it says nothing new. */
interface Known {
  claims: readonly Claim[];
  error?: EcolinkError;
}

const deadlineSeconds = 300;
/** Contents that came with a listing answer the reads that follow it, in milliseconds. */
const reportMs = 30_000;
const target = '/filesystem';
/** People wait for a list of filesystems, the region of one of which may hang. */
const patienceMs = 4000;
const freshMs = 5000;

/** Shared filesystems are claims that exist; a pod that mounts one read-only says what is in it. */
export class KubernetesFilesystems {
  readonly #parts: Parts;
  readonly #reports = new Map<string, { report: FolderReport; until: number }>();
  #known: Known = { claims: [] };
  #asked: { answer: Promise<Known>; until: number } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Those of the config and those that a label names. A region that does not answer is remembered as it was. */
  async all(): Promise<RegionFilesystems> {
    const { claims, error } = await this.#ask();
    const reason = error && { code: error.code, message: error.message };
    const found = labelledClaims(claims, this.#parts.filesystems);
    const filesystems = [...this.#configured(claims), ...found].map((each) => viewOf(each, reason));
    return { filesystems, ...(reason ? { reason } : {}) };
  }

  /** Throws where this region has no such filesystem, or cannot say. */
  async claimOf(filesystem: string): Promise<SharedClaim> {
    const { config, filesystems } = this.#parts;
    const listed = filesystems.find((each) => each.name === filesystem);
    if (listed?.claim !== undefined) return { name: filesystem, claim: listed.claim, mountPath: mountPath(listed) };
    const { claims, error } = await this.#ask();
    const found = labelledClaims(claims, filesystems).find((each) => each.name === filesystem);
    if (found?.problem) throw found.problem;
    if (found) return found;
    if (error) throw error;
    throw notFound('filesystem_not_found', `The region ${config.name} has no filesystem "${filesystem}".`, {
      nextStep: `Add it under "filesystems" in ecolink.yaml, or label its claim ${labels.filesystem}=${filesystem}.`,
    });
  }

  async list(filesystem: string, subfolder: string): Promise<FolderEntry[]> {
    const { claim } = await this.claimOf(filesystem);
    refuseOutside(subfolder);
    await this.#requireShared(claim);
    const answer = await this.#send(claim, ['list-folder', '--target', target, '--path', subfolder]);
    const report = answer as unknown as FolderReport;
    for (const [name, { until }] of this.#reports) if (until < Date.now()) this.#reports.delete(name);
    this.#reports.set(`${filesystem}/${subfolder}`, { report, until: Date.now() + reportMs });
    return report.entries;
  }

  async read(filesystem: string, path: string, maximumBytes: number): Promise<Buffer> {
    const { claim } = await this.claimOf(filesystem);
    refuseOutside(path);
    const content = this.#reported('contents', `${filesystem}/${path}`) ?? (await this.#readAnew(claim, path));
    const bytes = Buffer.from(content, 'base64');
    if (bytes.length <= maximumBytes) return bytes;
    throw refused('file_too_large', `${path} is too large to read.`, { nextStep: 'Check the folder.' });
  }

  /** As it came with the listing: a pod for each file would take seconds. */
  async head(filesystem: string, path: string, bytes: number): Promise<Buffer | undefined> {
    const reported = this.#reported('heads', `${filesystem}/${path}`);
    return reported === undefined ? undefined : Buffer.from(reported, 'base64').subarray(0, bytes);
  }

  #configured(claims: readonly Claim[]): SharedClaim[] {
    const { config, filesystems } = this.#parts;
    return filesystems.map((each) => {
      const claim = claims.find(({ metadata }) => metadata.name === each.claim);
      const problem = claim ? whyNotShared(claim) : missing(each.claim as string, config);
      const shown = { name: each.name, claim: each.claim as string, mountPath: mountPath(each) };
      return { ...shown, ...(problem ? { problem } : {}) };
    });
  }

  #ask(): Promise<Known> {
    if (this.#asked && this.#asked.until > Date.now()) return this.#asked.answer;
    const answer = this.#askAnew();
    this.#asked = { answer, until: Date.now() + freshMs };
    return answer;
  }

  /** All claims but the weights that EcoLink fetched, of which there may be thousands. */
  async #askAnew(): Promise<Known> {
    try {
      const { items } = await this.#parts.client.list<V1PersistentVolumeClaim>(
        'PersistentVolumeClaim',
        `!${labels.volume}`,
        { timeoutMs: patienceMs },
      );
      this.#known = { claims: items };
      return this.#known;
    } catch (thrown) {
      if (!(thrown instanceof EcolinkError)) throw thrown;
      return { claims: this.#known.claims, error: thrown };
    }
  }

  #reported(kind: 'contents' | 'heads', path: string): string | undefined {
    for (const [folder, { report, until }] of this.#reports) {
      if (until < Date.now() || !path.startsWith(`${folder}/`)) continue;
      const content = report[kind]?.[path.slice(folder.length + 1)];
      if (content !== undefined) return content;
    }
    return undefined;
  }

  async #readAnew(claim: string, path: string): Promise<string> {
    return (await this.#send(claim, ['read-file', '--target', target, '--path', path]))['content'] as string;
  }

  #send(claim: string, args: readonly string[]) {
    const { client, config } = this.#parts;
    return runErrand(client, config, { claim, mountPath: target, writes: false, args, deadlineSeconds });
  }

  async #requireShared(claim: string): Promise<void> {
    const { client, config } = this.#parts;
    const found = await client.read<V1PersistentVolumeClaim>('PersistentVolumeClaim', claim);
    const problem = found ? whyNotShared(found) : missing(claim, config);
    if (problem) throw problem;
  }
}

function viewOf({ name, mountPath: path, problem }: SharedClaim, away: Reason | undefined): RegionFilesystem {
  const shown = { name, mountPath: path };
  if (away) return { ...shown, state: 'unknown', reason: away };
  if (!problem) return { ...shown, state: 'usable' };
  return { ...shown, state: 'unusable', reason: { code: problem.code, message: problem.message } };
}

function missing(claim: string, { namespace }: KubernetesRegionConfig): EcolinkError {
  return refused('filesystem_missing', `The claim ${claim} does not exist in the namespace ${namespace}.`, {
    nextStep: 'Make it, or correct the claim in ecolink.yaml.',
    field: 'filesystem',
  });
}

/** Told before a pod is sent. */
function refuseOutside(path: string): void {
  if (!path.startsWith('/') && !path.split(/[\\/]/).includes('..') && !path.includes('\0')) return;
  throw inputError('bad_subfolder', `"${path}" leads out of the filesystem.`, {
    nextStep: 'Give a path below the filesystem\'s root, without a leading "/" and without "..".',
    field: 'subfolder',
  });
}

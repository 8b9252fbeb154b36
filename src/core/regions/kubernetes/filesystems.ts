import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';
import type { FilesystemConfig } from '../../config/schema.ts';
import { inputError, notFound, refused } from '../../errors.ts';
import type { FolderEntry } from '../region.ts';
import type { KubernetesClient } from './client.ts';
import { runErrand } from './errands.ts';
import type { FolderReport } from './folder-report.ts';

interface Parts {
  config: KubernetesRegionConfig;
  filesystems: readonly FilesystemConfig[];
  client: KubernetesClient;
}

const deadlineSeconds = 300;
/** Contents that came with a listing answer the reads that follow it, in milliseconds. */
const reportMs = 30_000;
const mountPath = '/filesystem';

/** Shared filesystems are claims that exist; a pod that mounts one read-only says what is in it. */
export class KubernetesFilesystems {
  readonly #parts: Parts;
  readonly #reports = new Map<string, { report: FolderReport; until: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws where the config has no such filesystem in this region. */
  claimOf(filesystem: string): { claim: string; mountPath: string } {
    const found = this.#parts.filesystems.find((each) => each.name === filesystem);
    if (found?.claim !== undefined) return { claim: found.claim, mountPath: found.mount_path ?? `/mnt/${found.name}` };
    throw notFound('filesystem_not_found', `The region ${this.#parts.config.name} has no filesystem "${filesystem}".`, {
      nextStep: 'Add it under "filesystems" in ecolink.yaml, or use another entry.',
    });
  }

  async list(filesystem: string, subfolder: string): Promise<FolderEntry[]> {
    const { claim } = this.claimOf(filesystem);
    refuseOutside(subfolder);
    await this.#requireShared(claim);
    const answer = await this.#send(claim, ['list-folder', '--target', mountPath, '--path', subfolder]);
    const report = answer as unknown as FolderReport;
    for (const [name, { until }] of this.#reports) if (until < Date.now()) this.#reports.delete(name);
    this.#reports.set(`${filesystem}/${subfolder}`, { report, until: Date.now() + reportMs });
    return report.entries;
  }

  async read(filesystem: string, path: string, maximumBytes: number): Promise<Buffer> {
    const { claim } = this.claimOf(filesystem);
    refuseOutside(path);
    const content = this.#reported(`${filesystem}/${path}`) ?? (await this.#readAnew(claim, path));
    const bytes = Buffer.from(content, 'base64');
    if (bytes.length <= maximumBytes) return bytes;
    throw refused('file_too_large', `${path} is too large to read.`, { nextStep: 'Check the folder.' });
  }

  #reported(path: string): string | undefined {
    for (const [folder, { report, until }] of this.#reports) {
      if (until < Date.now() || !path.startsWith(`${folder}/`)) continue;
      const content = report.contents[path.slice(folder.length + 1)];
      if (content !== undefined) return content;
    }
    return undefined;
  }

  async #readAnew(claim: string, path: string): Promise<string> {
    return (await this.#send(claim, ['read-file', '--target', mountPath, '--path', path]))['content'] as string;
  }

  #send(claim: string, args: readonly string[]) {
    const { client, config } = this.#parts;
    return runErrand(client, config, { claim, mountPath, writes: false, args, deadlineSeconds });
  }

  async #requireShared(claim: string): Promise<void> {
    const { client, config } = this.#parts;
    const found = await client.read<V1PersistentVolumeClaim>('PersistentVolumeClaim', claim);
    if (!found) {
      throw refused('filesystem_missing', `The claim ${claim} does not exist in the namespace ${config.namespace}.`, {
        nextStep: 'Make it, or correct the claim in ecolink.yaml.',
        field: 'filesystem',
      });
    }
    const modes = found.spec?.accessModes ?? [];
    if (modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) return;
    throw refused(
      'filesystem_not_shared',
      `The claim ${claim} is ${modes.join(', ')}: one node at a time may mount it.`,
      {
        nextStep: 'Use a claim that is ReadWriteMany or ReadOnlyMany.',
        field: 'filesystem',
      },
    );
  }
}

/** Told before a pod is sent. */
function refuseOutside(path: string): void {
  if (!path.startsWith('/') && !path.split(/[\\/]/).includes('..') && !path.includes('\0')) return;
  throw inputError('bad_subfolder', `"${path}" leads out of the filesystem.`, {
    nextStep: 'Give a path below the filesystem\'s root, without a leading "/" and without "..".',
    field: 'subfolder',
  });
}

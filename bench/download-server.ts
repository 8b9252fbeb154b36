import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PullManifest } from '../src/core/download/manifest.ts';
import { startHub } from '../test/support/hub/hub.ts';
import type { HubRepo } from '../test/support/hub/repo.ts';

/** The files that the measured programs fetch. The server runs in its own process. */
export interface ServerOptions {
  folder: string;
  bytes: number;
  smallFiles: number;
  /** Limit of each connection, in bytes per second. */
  throttle?: number;
  /** Round-trip time, in milliseconds. */
  roundTrip?: number;
  tls?: { key: string; cert: string };
}

/** The process prints this when it listens. The manifests are files beside it. */
export interface ServerInfo {
  endpoint: string;
  large: { repo: string; manifest: string };
  small: { repo: string; manifest: string };
}

async function serve(options: ServerOptions): Promise<ServerInfo> {
  const { tls, roundTrip } = options;
  const hub = await startHub({
    ...(tls ? { tls: { key: readFileSync(tls.key, 'utf8'), cert: readFileSync(tls.cert, 'utf8') } } : {}),
    ...(roundTrip === undefined ? {} : { roundTrip }),
  });
  hub.faults.throttle = options.throttle;
  const { endpoint } = hub;
  const large = hub.addRepo('bench/large', {
    files: { 'config.json': '{}', 'model.safetensors': { size: options.bytes, seed: 'bench' } },
  });
  const paths = Array.from({ length: options.smallFiles }, (_, n) => `part-${n % 20}/${n}.json`);
  const small = hub.addRepo('bench/small', {
    files: Object.fromEntries(paths.map((path, n) => [path, { size: 4096, seed: n % 7 }])),
  });
  const write = (name: string, repo: HubRepo) => {
    const manifest = join(options.folder, `${name}.json`);
    writeFileSync(manifest, JSON.stringify(manifestOf(repo, endpoint)));
    return { repo: repo.id, manifest };
  };
  return { endpoint, large: write('large', large), small: write('small', small) };
}

function manifestOf(repo: HubRepo, endpoint: string): PullManifest {
  const files = repo.head.files.map(({ path, content, lfs, blobId }) => {
    return { path, size: content.size, ...(lfs ? { sha256: lfs.sha256 } : { blob_id: blobId }) };
  });
  return { version: 1, endpoint, repo: repo.id, commit: repo.head.sha, files };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.write(`${JSON.stringify(await serve(JSON.parse(process.argv[2] ?? '{}') as ServerOptions))}\n`);
}

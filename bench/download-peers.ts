import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PullManifest } from '../src/core/download/manifest.ts';
import type { ServerInfo } from './download-server.ts';

/** One way to fetch a repo into a folder. */
export interface Peer {
  name: string;
  /** True if its bytes are durable when it ends. Otherwise the bench syncs them, and counts that in its time. */
  durable?: true;
  /** The command, for an empty folder. Undefined if the program does not support the job. */
  command(job: PeerJob): { argv: string[]; env?: Record<string, string> } | undefined;
}

export interface PeerJob {
  endpoint: string;
  repo: string;
  manifestFile: string;
  target: string;
  /** A file of certificates to trust. */
  ca: string | undefined;
}

const root = new URL('..', import.meta.url).pathname;

function withAuthority(ca: string | undefined): Record<string, string> {
  return ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca };
}

const ecolink: Peer = {
  name: 'ecolink pull',
  // Tests of downloads trace its system calls and prove this.
  durable: true,
  command: ({ manifestFile, target, ca }) => ({
    argv: [process.execPath, join(root, 'dist/main.js'), 'pull', '--manifest', manifestFile, '--target', target],
    env: withAuthority(ca),
  }),
};

const curl: Peer = {
  name: 'curl',
  command: (job) => {
    const list = join(job.target, '.curl');
    const entries = filesOf(job).map(({ url, path }) => `url = "${url}"\noutput = "${join(job.target, path)}"\n`);
    writeFileSync(list, entries.join(''));
    const parallel = entries.length > 10 ? ['-Z', '--parallel-max', '16'] : [];
    return {
      argv: ['curl', '-sSL', '--create-dirs', ...parallel, ...(job.ca ? ['--cacert', job.ca] : []), '-K', list],
    };
  },
};

function aria2c(name: string, withChecksum: boolean): Peer {
  return {
    name,
    command: (job) => {
      const list = join(job.target, '.aria2');
      const entries = filesOf(job).map(({ url, path, sha256 }) => {
        return `${url}\n  out=${path}\n${withChecksum && sha256 ? `  checksum=sha-256=${sha256}\n` : ''}`;
      });
      writeFileSync(list, entries.join(''));
      const argv = [
        'aria2c',
        '-q',
        '-x16',
        '-s16',
        '-j16',
        '-k1M',
        '--file-allocation=none',
        '-d',
        job.target,
        '-i',
        list,
      ];
      return { argv: [...argv, ...(job.ca ? [`--ca-certificate=${job.ca}`] : [])] };
    },
  };
}

const snapshotDownload: Peer = {
  name: 'snapshotDownload (JS)',
  command: ({ endpoint, repo, target, ca }) => {
    const script = `import { snapshotDownload } from '@huggingface/hub';
      await snapshotDownload(${JSON.stringify({ repo, cacheDir: target, hubUrl: endpoint })});`;
    return {
      argv: [process.execPath, '--input-type=module', '-e', script],
      env: withAuthority(ca),
    };
  },
};

const hfDownload: Peer = {
  name: 'hf download (Python)',
  command: ({ endpoint, repo, target, ca }) => ({
    argv: [process.env['ECOLINK_BENCH_HF'] ?? 'hf', 'download', repo, '--cache-dir', target, '--quiet'],
    env: {
      HF_ENDPOINT: endpoint,
      HF_HOME: target,
      HF_HUB_DISABLE_XET: '1',
      HF_HUB_DISABLE_TELEMETRY: '1',
      ...(ca ? { SSL_CERT_FILE: ca, REQUESTS_CA_BUNDLE: ca } : {}),
    },
  }),
};

/** Receives bytes and drops them. No peer: it shows the limit of the machine. */
export const nowhere: Peer = {
  name: 'ceiling: receive to nowhere',
  command: (job) => {
    const large = filesOf(job).at(-1);
    return { argv: ['curl', '-sSL', '-o', '/dev/null', ...(job.ca ? ['--cacert', job.ca] : []), large?.url ?? ''] };
  },
};

/** Writes as many bytes durably, without the network. */
export const durableWrite: Peer = {
  name: 'ceiling: durable write',
  command: (job) => {
    const bytes = filesOf(job).reduce((sum, { size }) => sum + size, 0);
    const script = `const fs = require('node:fs'); const fd = fs.openSync(${JSON.stringify(join(job.target, 'out'))}, 'w');
      const piece = require('node:crypto').randomBytes(1 << 20);
      for (let left = ${bytes}; left > 0; left -= piece.length) fs.writeSync(fd, piece, 0, Math.min(left, piece.length));
      fs.fdatasyncSync(fd);`;
    return { argv: [process.execPath, '-e', script] };
  },
};

/** Hashes as many bytes in order, as sha256 requires. No program that verifies one file can be faster. */
export const oneHash: Peer = {
  name: 'ceiling: sha256 of one file',
  command: (job) => {
    const bytes = filesOf(job).reduce((sum, { size }) => sum + size, 0);
    const script = `const crypto = require('node:crypto'); const hash = crypto.createHash('sha256');
      const piece = crypto.randomBytes(1 << 20);
      for (let left = ${bytes}; left > 0; left -= piece.length) hash.update(left < piece.length ? piece.subarray(0, left) : piece);
      hash.digest();`;
    return { argv: [process.execPath, '-e', script] };
  },
};

/** The peers that are installed on this machine. */
export function installedPeers(): Peer[] {
  const has = (program: string) => spawnSync(program, ['--version']).status === 0;
  return [
    ecolink,
    ...(has('curl') ? [curl] : []),
    ...(has('aria2c') ? [aria2c('aria2c -x16', false), aria2c('aria2c -x16 with checksum', true)] : []),
    snapshotDownload,
    ...(has(process.env['ECOLINK_BENCH_HF'] ?? 'hf') ? [hfDownload] : []),
  ];
}

export function jobOf(info: ServerInfo, which: 'large' | 'small', target: string, ca: string | undefined): PeerJob {
  return { endpoint: info.endpoint, repo: info[which].repo, manifestFile: info[which].manifest, target, ca };
}

function filesOf({ endpoint, repo, manifestFile }: PeerJob) {
  const { files, commit } = JSON.parse(readFileSync(manifestFile, 'utf8')) as PullManifest;
  return files.map(({ path, size, sha256 }) => ({
    path,
    size,
    sha256,
    url: `${endpoint}/${repo}/resolve/${commit}/${path}`,
  }));
}

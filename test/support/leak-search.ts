import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** As it is, and as what writes a request or a file may have it. */
export function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 of a text that stands somewhere inside another, at each of three offsets, without its uncertain ends.
  const inside = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  const hex = bytes.toString('hex');
  const quoted = JSON.stringify(secret).slice(1, -1);
  const written = [secret, quoted, encodeURIComponent(secret), hex, hex.toUpperCase(), bytes.toString('base64url')];
  return [...new Set([...written, ...inside])];
}

/** Each answers with what it found: how it was put in, and where it is now. */
export interface LeakSearch {
  found: (where: string, bytes: Buffer | string) => string[];
  /** Names and contents of all files below a folder. */
  inFiles: (root: string) => Promise<string[]>;
  /** Command lines of all processes, and environments of all but one: its own is what whoever started it gave it. */
  inProcesses: (except: number | undefined) => Promise<string[]>;
}

/** Looks for secrets, each under the words that say how it was put in. */
export function searchFor(secrets: Record<string, string>): LeakSearch {
  const found = (where: string, bytes: Buffer | string): string[] =>
    Object.entries(secrets)
      .filter(([, secret]) => forms(secret).some((form) => bytes.includes(form)))
      .map(([how]) => `${how}: ${where}`);
  return {
    found,
    async inFiles(root) {
      const finds: string[] = [];
      for (const name of await readdir(root, { recursive: true })) {
        const path = join(root, name);
        const isFile = await stat(path).then(
          (about) => about.isFile(),
          () => false,
        );
        finds.push(...found(name, name), ...(isFile ? found(name, await readFile(path).catch(() => '')) : []));
      }
      return finds;
    },
    async inProcesses(except) {
      return (await processes()).flatMap(({ pid, commandLine, environ }) => [
        ...found(commandLine, commandLine),
        ...(pid === String(except) ? [] : found(commandLine, environ)),
      ]);
    },
  };
}

export interface Running {
  pid: string;
  commandLine: string;
  environ: string;
}

export async function processes(): Promise<Running[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  return Promise.all(
    pids.map(async (pid) => ({ pid, commandLine: await read(pid, 'cmdline'), environ: await read(pid, 'environ') })),
  );
}

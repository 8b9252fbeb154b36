import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

/**
 * The smallest engine there is, as a configured runtime: it says where it runs and with what, and misbehaves on demand. It
 * tells what it can read and write. If it has a key in ENGINE_KEY, it answers only callers who know it.
 * It is a program of its own; nothing imports it.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string' },
    model: { type: 'string' },
    name: { type: 'string' },
    /** Ends with an error at once where this file exists. */
    'crash-if': { type: 'string' },
    /** Not healthy before this file exists. */
    'healthy-if': { type: 'string' },
    /** Starts a child that ignores TERM and outlives its parent. */
    worker: { type: 'boolean' },
    /** Is that child. */
    stubborn: { type: 'boolean' },
    tag: { type: 'string' },
  },
});

const isThere = (path: string | undefined): boolean => path !== undefined && existsSync(path);

if (values.stubborn) {
  process.on('SIGTERM', () => {});
  setInterval(() => {}, 60_000);
  process.stdout.write('ready\n');
} else {
  process.stdout.write(`environment ${JSON.stringify(process.env)}\n`);
  if (isThere(values['crash-if'])) {
    process.stderr.write('the weights are cursed\n');
    process.exit(3);
  }
  if (values.worker) await startWorker();
  serve();
}

function startWorker(): Promise<void> {
  const words = [process.argv[1] ?? '', '--stubborn', '--model', values.model ?? ''];
  const worker = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve) => {
    worker.stdout.once('data', () => resolve());
  });
}

function serve(): void {
  const server = createServer((request, response) => {
    const healthy = values['healthy-if'] === undefined || isThere(values['healthy-if']);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://engine');
    const key = process.env['ENGINE_KEY'];
    if (pathname !== '/health' && key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      response.writeHead(401).end();
      return;
    }
    const path = searchParams.get('path') ?? '';
    if (pathname === '/read') return void response.end(JSON.stringify(read(path)));
    if (pathname === '/write') return void response.end(JSON.stringify(write(path, Number(searchParams.get('bytes')))));
    response.statusCode = request.url === '/health' && !healthy ? 503 : 200;
    response.end(
      JSON.stringify({
        pid: process.pid,
        uid: process.getuid?.(),
        home: process.env['HOME'],
        tmp: process.env['TMPDIR'],
        port: values.port,
        model: values.model,
        name: values.name,
      }),
    );
  });
  server.listen(Number(values.port), values.host, () => process.stdout.write(`listening on ${values.port}\n`));
}

/** The bytes of a file or the names in a folder, or why they cannot be read. */
function read(path: string): object {
  return attempt(() =>
    statSync(path).isDirectory() ? { names: readdirSync(path) } : { bytes: readFileSync(path).length },
  );
}

function write(path: string, bytes: number): object {
  return attempt(() => {
    writeFileSync(path, Buffer.alloc(bytes));
    return { mode: (statSync(path).mode & 0o777).toString(8) };
  });
}

function attempt(action: () => object): object {
  try {
    return action();
  } catch (thrown) {
    return { error: thrown instanceof Error && 'code' in thrown ? thrown.code : String(thrown) };
  }
}

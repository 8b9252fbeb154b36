import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

/**
 * The smallest engine there is, as a configured runtime: it says where it runs and with what, and misbehaves on demand.
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
    response.statusCode = request.url === '/health' && !healthy ? 503 : 200;
    response.end(JSON.stringify({ pid: process.pid, port: values.port, model: values.model, name: values.name }));
  });
  server.listen(Number(values.port), values.host, () => process.stdout.write(`listening on ${values.port}\n`));
}

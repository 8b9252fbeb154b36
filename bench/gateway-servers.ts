import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { loadConfig } from '../src/core/config/load.ts';
import { createLog } from '../src/core/base/log.ts';
import { hashOf } from '../src/core/access/tokens/token-hash.ts';
import { signMessage } from '../src/core/routing/signed-message.ts';
import { startGatewayProcess } from '../src/http/gateway-process.ts';

/** Programs of the gateway bench. Each is a process of its own: `engine`, or `gateway <folder> <engine url> <routes>`. */
const [role, folder = '', engineUrl = '', routes = '1'] = process.argv.slice(2);
if (role === 'engine') startEngine();
else await startGateway(folder, engineUrl, Number(routes));

/** Answers at once: what a call costs is the gateway's. */
function startEngine(): void {
  const message = { role: 'assistant', content: 'word '.repeat(60) };
  const whole = JSON.stringify({ id: 'c1', object: 'chat.completion', model: 'm:1', choices: [{ index: 0, message }] });
  const event = `data: ${JSON.stringify({ id: 'c1', choices: [{ index: 0, delta: { content: 'word' } }] })}\n\n`;
  const server = createServer((request, response) => {
    let streamed = false;
    request.on('data', (piece: Buffer) => (streamed ||= piece.includes('"stream":true')));
    request.on('end', () => {
      if (!streamed) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) });
        return void response.end(whole);
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let sent = 0;
      const next = (): void => {
        if (sent++ === 50) return void response.end('data: [DONE]\n\n');
        response.write(event);
        setImmediate(next);
      };
      next();
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => say(server.address()));
}

async function startGateway(at: string, url: string, count: number): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const replicas = (id: number) => [{ url, region: 'local', servedName: `m:${id}` }];
  const common = { stopped: false, callable: true, private: false, owner: 'ada', owner_name: 'ada' };
  const created = new Date().toISOString();
  const set: Record<string, string> = {
    [`token:${hashOf('bench')}`]: JSON.stringify({ id: 't', name: 't', person: 'ada', scopes: ['call'], agent: false }),
    'person:ada': JSON.stringify({ name: 'ada', role: 'member' }),
  };
  for (let id = 1; id <= count; id++)
    set[`instance:${id}`] = JSON.stringify({ ...common, name: 'm', created_at: created, replicas: replicas(id) });
  mkdirSync(at, { recursive: true });
  const message = { store: 'bench', number: 1, after: null, at: created, set, delete: [] };
  writeFileSync(join(at, 'routes'), `${signMessage(message, privateKey)}\n`);
  const config = loadConfig({ ECOLINK_DATA_DIR: at });
  const started = await startGatewayProcess({
    config,
    port: 0,
    log: createLog({ level: 'error', pretty: false }),
    publicKey,
    credential: () => '',
    serverUrl: async () => undefined,
    folder: at,
    besideServer: true,
  });
  say({ port: Number(new URL(started.url).port) });
}

function say(address: unknown): void {
  process.stdout.write(`${JSON.stringify(address)}\n`);
}

import { given, llamaCpp } from './install.ts';

/** A server for Node that echoes what reaches it. */
const echoServer = `
process.on('SIGTERM', () => process.exit());
const port = Number(process.argv[2]);
require('node:http').createServer((request, response) => {
  if (request.url === '/alive') return response.end('alive');
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, headers: request.headers }));
}).listen(port, '0.0.0.0');`;

/** An image of one's own, with its own port and health path. */
export const echo: object = {
  ...llamaCpp(),
  name: 'echo',
  image: given.image,
  command: ['node', '-e', echoServer, 'echo'],
  arguments: ['{port}'],
  category_arguments: {},
  port: 9000,
  health: '/alive',
};

/** A server that says one word a second, `max_tokens` of them, in a stream or all at the end. */
const slowServer = (onEnd: string): string => `
process.on('SIGTERM', () => ${onEnd});
const { setTimeout: delay } = require('node:timers/promises');
const { json } = require('node:stream/consumers');
const server = require('node:http').createServer(async (request, response) => {
  if (request.url === '/alive') return response.end('alive');
  // EcoLink asks those that are ready what they were started with.
  if (request.method !== 'POST') return response.writeHead(404).end();
  const { stream, max_tokens } = await json(request);
  if (stream) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let word = 0; word < max_tokens; word++) {
    if (stream) response.write('data: {"choices":[{"delta":{"content":"word"}}]}\\n\\n');
    await delay(1000);
  }
  response.end(stream ? 'data: [DONE]\\n\\n' : '{"choices":[]}');
});
server.listen(Number(process.argv[2]), '0.0.0.0');`;

function slow(name: string, onEnd: string, more: object): object {
  return { ...echo, name, command: ['node', '-e', slowServer(onEnd), name], ...more };
}

/** As engines are that think nothing of their calls when they are told to end, and as others that finish them first. */
export const slowEngines = [
  slow('blunt', 'process.exit()', { ends: 'at_once', drain_seconds: 30 }),
  slow('polite', 'server.close(() => process.exit())', { ends: 'after_calls', drain_seconds: 90 }),
];

export const missingImage: object = { ...llamaCpp(), name: 'missing', image: 'ecolink.invalid/missing:1' };

/** Enough for llama.cpp's server with a tiny model. */
export const engineMemory = '80Mi';

/** A pod that fetches a file into a claim and ends: what a team's own tools do to a shared filesystem. */
export function writerPod(name: string, claim: string, url: string, path: string): object {
  const script = `
const { mkdirSync, writeFileSync } = require('node:fs');
const path = '/shared/${path}';
fetch('${url}').then(async (answer) => {
  mkdirSync(require('node:path').dirname(path), { recursive: true });
  writeFileSync(path, Buffer.from(await answer.arrayBuffer()));
});`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      nodeSelector: { 'topology.kubernetes.io/region': 'eu' },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'write',
          image: given.image,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', script],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        },
      ],
      volumes: [{ name: 'shared', persistentVolumeClaim: { claimName: claim } }],
    },
  };
}

export function claim(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
  };
}

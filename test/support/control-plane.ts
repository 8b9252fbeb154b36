import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';

export interface ControlPlane extends AsyncDisposable {
  url: string;
  dir: string;
  /** A kubeconfig file of a user: `admin` may everything, `ecolink` what roles grant. `server`: another address of the API. */
  kubeconfig(user: 'admin' | 'ecolink', options?: { server?: string; insecure?: boolean }): Promise<string>;
  /** A call as the admin. Answers with the parsed body; throws for anything but a success. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, contentType?: string): Promise<T>;
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /** Of the API server: what a stand-in for a kubelet may show. */
  certificate(): Promise<{ cert: string; key: string }>;
}

/** etcd, API server, controller manager and scheduler, with RBAC on, as setup-envtest's users start them. */
export async function startControlPlane(): Promise<ControlPlane> {
  const assets = process.env['KUBEBUILDER_ASSETS'] as string;
  await using undo = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'ecolink-control-plane-'));
  undo.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  const ports = await freePorts(5);
  const [etcdClient, etcdPeer, api, controllers, scheduler] = ports as [number, number, number, number, number];
  const tokens = { admin: randomBytes(16).toString('hex'), ecolink: randomBytes(16).toString('hex') };
  await writeSecrets(dir, tokens);
  const agent = new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 1000 });
  undo.defer(() => agent.destroy());
  const url = `https://127.0.0.1:${api}`;
  const ready = async (address: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${tokens.admin}` };
    const answer = await request(address, { dispatcher: agent, headers }).catch(() => undefined);
    await answer?.body.dump();
    return answer?.statusCode === 200;
  };
  const run = (name: string, args: string[]) => startProcess(join(assets, name), args, dir);

  const etcd = run('etcd', etcdArguments(dir, etcdClient, etcdPeer));
  undo.defer(() => end(etcd));
  await until(() => ready(`http://127.0.0.1:${etcdClient}/health`), 'etcd', etcd);
  const apiArguments = apiServerArguments(dir, url, api, etcdClient);
  const held: { api: ChildProcess } = { api: run('kube-apiserver', apiArguments) };
  undo.defer(() => end(held.api));
  await until(() => ready(`${url}/readyz`), 'kube-apiserver', held.api);
  const kubeconfig = kubeconfigWriter(dir, url, tokens);
  const admin = await kubeconfig('admin');
  for (const [name, port] of [
    ['kube-controller-manager', controllers],
    ['kube-scheduler', scheduler],
  ] as const) {
    const own =
      name === 'kube-scheduler'
        ? []
        : [`--service-account-private-key-file=${dir}/sa.key`, '--controllers=*', '--node-monitor-grace-period=1h'];
    const child = run(name, [
      `--kubeconfig=${admin}`,
      '--leader-elect=false',
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      `--cert-dir=${dir}/${name}`,
      // Their own limits (20 and 50 a second) would be what a bench measures.
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      ...own,
    ]);
    undo.defer(() => end(child));
  }
  const parts = undo.move();
  return {
    url,
    dir,
    kubeconfig,
    async call<T>(method: string, path: string, body?: unknown, contentType = 'application/json') {
      const answer = await request(url + path, {
        method: method as 'GET',
        dispatcher: agent,
        headers: { authorization: `Bearer ${tokens.admin}`, 'content-type': contentType },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
      return JSON.parse(text) as T;
    },
    stopApiServer: () => end(held.api),
    async startApiServer() {
      held.api = run('kube-apiserver', apiArguments);
      await until(() => ready(`${url}/readyz`), 'kube-apiserver', held.api);
    },
    certificate: async () => ({
      cert: await readFile(`${dir}/certs/apiserver.crt`, 'utf8'),
      key: await readFile(`${dir}/certs/apiserver.key`, 'utf8'),
    }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function writeSecrets(dir: string, tokens: { admin: string; ecolink: string }): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(`${dir}/sa.key`, privateKey, { mode: 0o600 });
  await writeFile(`${dir}/sa.pub`, publicKey);
  const lines = `${tokens.admin},admin,admin,"system:masters"\n${tokens.ecolink},ecolink,ecolink\n`;
  await writeFile(`${dir}/tokens.csv`, lines, { mode: 0o600 });
}

function etcdArguments(dir: string, client: number, peer: number): string[] {
  return [
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--data-dir=${dir}/etcd`,
    '--unsafe-no-fsync=true',
  ];
}

function apiServerArguments(dir: string, url: string, port: number, etcd: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    `--cert-dir=${dir}/certs`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    // No controller makes the default ServiceAccount before the first pods here.
    '--disable-admission-plugins=ServiceAccount',
    `--service-account-issuer=${url}/`,
    `--service-account-key-file=${dir}/sa.pub`,
    `--service-account-signing-key-file=${dir}/sa.key`,
    `--token-auth-file=${dir}/tokens.csv`,
  ];
}

function kubeconfigWriter(dir: string, url: string, tokens: Record<string, string>): ControlPlane['kubeconfig'] {
  let written = 0;
  return async (user, options = {}) => {
    const authority = (await readFile(`${dir}/certs/apiserver.crt`)).toString('base64');
    const trust = options.insecure ? { 'insecure-skip-tls-verify': true } : { 'certificate-authority-data': authority };
    const file = join(dir, `kubeconfig-${++written}`);
    await writeFile(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'test', cluster: { server: options.server ?? url, ...trust } }],
        users: [{ name: user, user: { token: tokens[user] } }],
        contexts: [{ name: user, context: { cluster: 'test', user } }],
        'current-context': user,
      }),
    );
    return file;
  };
}

function startProcess(command: string, args: string[], dir: string): ChildProcess {
  const log = openSync(join(dir, `${basename(command)}.log`), 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}

async function until(check: () => Promise<boolean>, what: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await check())) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${what} did not start`);
    await delay(50);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
        }),
    ),
  );
  return ports;
}

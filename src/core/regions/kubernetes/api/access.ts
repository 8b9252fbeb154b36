import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { DispatcherOptions } from '@kubernetes/client-node';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { fail } from '../../../base/errors.ts';
import { digestOf } from '../../../base/ids.ts';
import { say, task } from '../../../base/prose.ts';
import type { Prose } from '../../../base/prose.ts';
import { systemError } from './system-error.ts';

export interface AccessOptions {
  region: string;
  context?: string | undefined;
  kubeconfig?: string | undefined;
  inCluster: boolean;
  clock: Clock;
}

/** How to reach one cluster as one user. Valid for a short time only: tokens and certificates rotate. */
export interface Access {
  server: string;
  headers: Record<string, string>;
  dispatcher: Dispatcher;
}

/** The kubeconfig and its files are read again after this time, in milliseconds. */
const freshMs = 10_000;
const connectTimeoutMs = 10_000;

/**
 * The credentials of one region. It has its own KubeConfig, whose context is set once and never switched: after a switch,
 * the library's older clients send the new context's token to the old server. Connections are kept open, because the
 * library's own clients open one for each request.
 */
export class ClusterAccess {
  readonly #options: AccessOptions;
  #config: KubeConfig | undefined;
  #cached: { access: Access; untilMs: number } | undefined;
  #dispatcher: { key: string; dispatcher: Dispatcher } | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  async current(): Promise<Access> {
    const { clock } = this.#options;
    if (this.#cached && this.#cached.untilMs > clock.elapsedMs()) return this.#cached.access;
    const access = await this.#read();
    this.#cached = { access, untilMs: clock.elapsedMs() + freshMs };
    return access;
  }

  /** Reads everything again at the next call: credentials that were refused may have been rotated. */
  forget(): void {
    this.#config = undefined;
    this.#cached = undefined;
  }

  /** The program that the kubeconfig calls for its token. Undefined before the kubeconfig is read. */
  plugin(): string | undefined {
    return execSchema.safeParse(this.#config?.getCurrentUser()?.exec).data?.command;
  }

  async close(): Promise<void> {
    await this.#dispatcher?.dispatcher.destroy();
  }

  async #read(): Promise<Access> {
    try {
      const config = (this.#config ??= load(this.#options));
      const cluster = config.getCurrentCluster();
      if (!cluster) throw new UnknownContext(config);
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
      const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
      const known = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
      return {
        server: cluster.server.replace(/\/+$/, ''),
        headers: headersOf(options),
        dispatcher: this.#dispatcherFor(config.createDispatcherOptions(cluster, known)),
      };
    } catch (cause) {
      this.forget();
      throw noAccess(this.#options, cause);
    }
  }

  #dispatcherFor(options: DispatcherOptions): Dispatcher {
    const key = digestOf(options);
    if (this.#dispatcher?.key === key) return this.#dispatcher.dispatcher;
    // Calls that still run with rotated certificates may finish.
    void this.#dispatcher?.dispatcher.close();
    const dispatcher = createDispatcher(options);
    this.#dispatcher = { key, dispatcher };
    return dispatcher;
  }
}

const execSchema = z.object({ command: z.string() });

function load(options: AccessOptions): KubeConfig {
  const config = new KubeConfig();
  if (options.inCluster) config.loadFromCluster();
  else if (options.kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(options.kubeconfig);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  return config;
}

function headersOf({ headers = {}, auth }: RequestOptions): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) found[name.toLowerCase()] = String(value);
  if (auth) found['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return found;
}

function createDispatcher(options: DispatcherOptions): Dispatcher {
  if (options.type === 'socks') throw new Error('a socks proxy-url is not supported');
  if (options.type === 'proxy') return new ProxyAgent({ uri: options.uri, requestTls: options.requestTls });
  const tls = options.type === 'agent' ? options.connect : {};
  return new Agent({ connect: { ...tls, timeout: connectTimeoutMs } });
}

function noAccess(options: AccessOptions, cause: unknown): Error {
  const { code, path, syscall, message } = systemError(cause);
  if (code === 'ENOENT' && syscall?.startsWith('spawn')) {
    return fail(
      'region_exec_plugin',
      `The kubeconfig of the region ${options.region} calls the program "${path}", which does not exist here.`,
      { nextStep: say`Use a kubeconfig without such a program: ${task('write_kubeconfig', options.region)}.`, cause },
    );
  }
  const context = options.context === undefined ? 'the current context' : `the context "${options.context}"`;
  const source = options.inCluster
    ? "the pod's ServiceAccount"
    : `${context} of ${options.kubeconfig ?? 'the kubeconfig'}`;
  return fail(
    'region_access',
    `EcoLink cannot access the region ${options.region} with ${source}: ${message.split('\n')[0]}.`,
    { nextStep: nextStepFor(options, cause), cause },
  );
}

class UnknownContext extends Error {
  readonly known: string;

  constructor(config: KubeConfig) {
    super('no such context');
    this.known = config.contexts.map(({ name }) => name).join(', ');
  }
}

function nextStepFor({ inCluster }: AccessOptions, cause: unknown): Prose {
  if (inCluster)
    return 'Use in_cluster only if EcoLink runs in a pod of that cluster. Otherwise give the region a context or a kubeconfig.';
  if (!(cause instanceof UnknownContext) || cause.known === '')
    return "Correct the region's kubeconfig in ecolink.yaml.";
  return `Set the region's context to one that the kubeconfig has: ${cause.known}.`;
}

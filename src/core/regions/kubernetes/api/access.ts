import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent } from 'undici';
import type { buildConnector, Dispatcher } from 'undici';
import { fail } from '../../../base/errors.ts';
import { digestOf } from '../../../base/ids.ts';

export interface AccessOptions {
  region: string;
  context?: string | undefined;
  kubeconfig?: string | undefined;
  inCluster: boolean;
}

/** How to reach one cluster as one user, for a short while: tokens and certificates rotate. */
export interface Access {
  server: string;
  headers: Record<string, string>;
  dispatcher: Dispatcher;
}

/** Files are read again after this long, in milliseconds. */
const freshMs = 10_000;

/**
 * The credentials of one region: a KubeConfig of its own whose context is set once and never switched (after a switch, a
 * client made before sends the new context's token to the old server). Connections are kept: the library's own
 * clients open one for every request.
 */
export class ClusterAccess {
  readonly #options: AccessOptions;
  #config: KubeConfig | undefined;
  #known: { access: Access; until: number } | undefined;
  #dispatcher: { key: string; dispatcher: Dispatcher } | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  async current(): Promise<Access> {
    if (this.#known && this.#known.until > Date.now()) return this.#known.access;
    const access = await this.#read();
    this.#known = { access, until: Date.now() + freshMs };
    return access;
  }

  /** What was refused may have been rotated: reads everything anew. */
  forget(): void {
    this.#config = undefined;
    this.#known = undefined;
  }

  /** The program that the kubeconfig calls for its token, once it was read. */
  plugin(): string | undefined {
    return (this.#config?.getCurrentUser()?.exec as { command?: string } | undefined)?.command;
  }

  async close(): Promise<void> {
    await this.#dispatcher?.dispatcher.destroy();
  }

  async #read(): Promise<Access> {
    try {
      const config = (this.#config ??= load(this.#options));
      const cluster = config.getCurrentCluster();
      if (!cluster) throw new NoContext(config);
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
      const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
      const known = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
      return {
        server: cluster.server.replace(/\/+$/, ''),
        headers: headersOf(options),
        dispatcher: this.#dispatch(config.createDispatcherOptions(cluster, known)),
      };
    } catch (cause) {
      this.forget();
      throw noAccess(this.#options, cause);
    }
  }

  #dispatch(options: ReturnType<KubeConfig['createDispatcherOptions']>): Dispatcher {
    const key = digestOf(options);
    if (this.#dispatcher?.key === key) return this.#dispatcher.dispatcher;
    // What still runs on the connections of rotated certificates may end there.
    void this.#dispatcher?.dispatcher.close();
    const dispatcher = dispatcherFor(options);
    this.#dispatcher = { key, dispatcher };
    return dispatcher;
  }
}

function load(options: AccessOptions): KubeConfig {
  const config = new KubeConfig();
  if (options.inCluster) config.loadFromCluster();
  else if (options.kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(options.kubeconfig);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  return config;
}

function headersOf(options: RequestOptions): Record<string, string> {
  const given = Object.entries((options.headers ?? {}) as Record<string, unknown>).map(([name, value]) => [
    name.toLowerCase(),
    String(value),
  ]);
  const basic: Record<string, string> = options.auth
    ? { authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` }
    : {};
  return { ...(Object.fromEntries(given) as Record<string, string>), ...basic };
}

function dispatcherFor(options: ReturnType<KubeConfig['createDispatcherOptions']>): Dispatcher {
  if (options.type === 'socks') throw new Error('a socks proxy-url is not supported');
  if (options.type === 'proxy')
    return new ProxyAgent({ uri: options.uri, requestTls: options.requestTls as buildConnector.BuildOptions });
  const tls = options.type === 'agent' ? options.connect : {};
  return new Agent({ connect: { ...tls, timeout: 10_000 } as buildConnector.BuildOptions });
}

function noAccess(options: AccessOptions, cause: unknown): Error {
  const { code, path, syscall } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' && syscall?.startsWith('spawn')) {
    return fail(
      'region_exec_plugin',
      `The kubeconfig of the region ${options.region} calls the program "${path}", which is not there.`,
      {
        nextStep: 'Make a kubeconfig that needs none: ecolink region add --write-kubeconfig.',
        cause,
      },
    );
  }
  const context = options.context === undefined ? 'the current context' : `the context "${options.context}"`;
  const where = options.inCluster
    ? "the pod's ServiceAccount"
    : `${context} of ${options.kubeconfig ?? 'the kubeconfig'}`;
  return fail(
    'region_access',
    `The region ${options.region} cannot be reached with ${where}: ${(cause as Error).message.split('\n')[0]}.`,
    { nextStep: fixFor(options, cause), cause },
  );
}

class NoContext extends Error {
  readonly there: string;

  constructor(config: KubeConfig) {
    super('no such context');
    this.there = config.contexts.map(({ name }) => name).join(', ');
  }
}

function fixFor({ inCluster }: AccessOptions, cause: unknown): string {
  if (inCluster) return 'in_cluster is for a pod of that cluster: elsewhere give the region a context or a kubeconfig.';
  if (!(cause instanceof NoContext) || cause.there === '') return "Correct the region's kubeconfig in ecolink.yaml.";
  return `Set the region's context to one that the kubeconfig has: ${cause.there}.`;
}

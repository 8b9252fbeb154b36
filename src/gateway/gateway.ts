import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../core/access/caller.ts';
import type { Core } from '../core/core.ts';

/** What the gateway tells of its work. */
export interface GatewayObserver {
  /** Called once per call that was sent on; the returned function once, when it is over. */
  opened(): () => void;
  /** `instance` is undefined where none was found. */
  answered(instance: number | undefined, status: number): void;
}

export interface GatewayParts {
  core: Pick<Core, 'routes' | 'log'>;
  /** Checks Host, Origin and token. Throws EcolinkError. */
  admit(request: IncomingMessage): Promise<Caller>;
  observer: GatewayObserver;
}

export interface Gateway {
  owns(url: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Waits at most so long for open calls, then ends them. */
  close(graceMs: number): Promise<void>;
}

export function createGateway(_parts: GatewayParts): Gateway {
  return {
    owns: (url) => url.startsWith('/v1/') || url.startsWith('/instances/'),
    handle: async (_request, response) => void response.writeHead(503).end(),
    close: async () => {},
  };
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { HubToken, Refusal } from './access.ts';
import type { Fault } from './faults.ts';

/** A short body may lie about its length, tell it, or say nothing. */
export function declaredLength(fault: Fault | undefined, length: number): number | undefined {
  if (fault?.kind !== 'short' || fault.declared === 'full') return length;
  return fault.declared === 'short' ? fault.afterBytes : undefined;
}

/** Faults that take the place of the answer. */
export function applyWholeFault(fault: Fault | undefined, request: IncomingMessage, response: ServerResponse): boolean {
  switch (fault?.kind) {
    case 'status':
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return true;
    case 'html': {
      const page = '<!doctype html><title>Sign in to the network</title>';
      const length = fault.chunked ? {} : { 'Content-Length': page.length };
      response.writeHead(200, { 'Content-Type': 'text/html', ...length }).end(page);
      return true;
    }
    case 'redirect-loop':
      response.writeHead(302, { Location: request.url ?? '/' }).end();
      return true;
    case 'never-answer':
      return true;
    default:
      return false;
  }
}

export function isTrue(url: URL, name: string): boolean {
  return ['true', '1', ''].includes(url.searchParams.get(name) ?? 'false');
}

export function whoAmI(token: HubToken | undefined): object {
  const name = token?.user ?? 'nobody';
  return {
    type: 'user',
    id: `id-${name}`,
    name,
    fullname: name,
    orgs: [],
    auth: {
      type: 'access_token',
      accessToken: { displayName: 'test', role: 'read', createdAt: new Date(0).toISOString() },
    },
  };
}

export function refuse(response: ServerResponse, refusal: Refusal, asText: boolean): void {
  if (refusal.code) response.setHeader('X-Error-Code', refusal.code);
  response.setHeader('X-Error-Message', refusal.message);
  if (!asText) return json(response, refusal.status, { error: refusal.message });
  response.writeHead(refusal.status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(refusal.message);
}

/** The names that a body asks for: the Hub's clients send JSON (JavaScript) or a form (Python). */
export async function readPaths(request: IncomingMessage): Promise<string[]> {
  const body = await text(request);
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
    return new URLSearchParams(body).getAll('paths');
  return (JSON.parse(body) as { paths: string[] }).paths;
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

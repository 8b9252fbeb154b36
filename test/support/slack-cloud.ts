import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A workspace, or an organisation that installs for all of its workspaces (`team` absent). */
export interface CloudPlace {
  team?: string;
  enterprise?: string;
  /** What `users.info` answers, by user. */
  users?: Record<string, object>;
  /** Members of user groups. */
  groups?: Record<string, string[]>;
}

export interface CloudCall {
  method: string;
  token: string;
  arguments: Record<string, string>;
}

export const app = {
  clientId: '111.222',
  clientSecret: randomBytes(16).toString('hex'),
  signingSecret: randomBytes(16).toString('hex'),
};

/**
 * Slack as several workspaces see it: OAuth, tokens that are good in one place, and the methods that EcoLink calls.
 * local-slack has one workspace and no OAuth, and `emulate` has neither organisations nor user groups; hence this. With
 * `upstream` it passes on what is not OAuth, so that local-slack's workspace is one that installs the app.
 */
export class SlackCloud implements AsyncDisposable {
  readonly calls: CloudCall[] = [];
  /** What came to the addresses that answers are sent to. */
  readonly answers: string[] = [];
  readonly revoked: string[] = [];
  /** Methods that fail, and with which code; with `hang_up` there is no answer. */
  readonly broken = new Map<string, string>();
  readonly #server: Server;
  readonly #upstream: string | undefined;
  readonly #codes = new Map<string, { place: CloudPlace; token: string; user: string }>();
  readonly #tokens = new Map<string, CloudPlace>();

  private constructor(upstream: string | undefined) {
    this.#upstream = upstream;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((thrown: unknown) => response.writeHead(500).end(String(thrown)));
    });
  }

  static async start(upstream?: string): Promise<SlackCloud> {
    const cloud = new SlackCloud(upstream);
    cloud.#server.listen(0, '127.0.0.1');
    await once(cloud.#server, 'listening');
    return cloud;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get apiUrl(): string {
    return `${this.url}/api/`;
  }

  /** Somebody says yes to the app: the code that Slack sends their browser back with, and the token that it is good for. */
  agree(place: CloudPlace, { user = 'U0ADMIN', token = `xoxb-${randomBytes(20).toString('hex')}` } = {}) {
    const code = randomBytes(8).toString('hex');
    this.#codes.set(code, { place, token, user });
    return { code, token };
  }

  /** A place that has the app already. */
  admit(place: CloudPlace): { token: string } {
    const { code, token } = this.agree(place);
    this.#codes.delete(code);
    this.#tokens.set(token, place);
    return { token };
  }

  callsOf(method: string): CloudCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { pathname } = new URL(request.url ?? '', this.url);
    if (pathname.startsWith('/answer')) {
      this.answers.push(body);
      return void response.end('ok');
    }
    const method = pathname.slice('/api/'.length);
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const given = Object.fromEntries(new URLSearchParams(body));
    this.calls.push({ method, token, arguments: given });
    const broken = this.broken.get(method);
    if (broken === 'hang_up') return void request.socket.destroy();
    const answer = broken === undefined ? this.#answer(method, token, given) : { ok: false, error: broken };
    if (answer === undefined && this.#upstream !== undefined) return this.#passOn(request, response, body);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { ok: false, error: 'unknown_method' }));
  }

  #answer(method: string, token: string, given: Record<string, string>): object | undefined {
    if (method === 'oauth.v2.access') return this.#exchange(given);
    const place = this.#tokens.get(token);
    if (this.#upstream !== undefined && method !== 'auth.revoke') return undefined;
    if (!place) return { ok: false, error: 'invalid_auth' };
    switch (method) {
      case 'auth.test':
        return {
          ok: true,
          url: 'https://test.slack.com/',
          team_id: place.team ?? place.enterprise,
          user_id: 'U0BOT',
          bot_id: 'B0BOT',
        };
      case 'auth.revoke':
        this.#tokens.delete(token);
        this.revoked.push(token);
        return { ok: true, revoked: true };
      case 'users.info': {
        const user = place.users?.[given['user'] ?? ''];
        return user ? { ok: true, user } : { ok: false, error: 'user_not_found' };
      }
      case 'usergroups.users.list': {
        const users = place.groups?.[given['usergroup'] ?? ''];
        return users ? { ok: true, users } : { ok: false, error: 'no_such_subteam' };
      }
      case 'chat.postMessage':
        return { ok: true, channel: given['channel'], ts: `${this.calls.length}.000100` };
      case 'chat.update':
      case 'views.update':
        return { ok: true };
      case 'views.open':
        return { ok: true, view: { id: `V${this.calls.length}`, hash: 'h' } };
      default:
        return undefined;
    }
  }

  #exchange(given: Record<string, string>): object {
    if (given['client_id'] !== app.clientId || given['client_secret'] !== app.clientSecret)
      return { ok: false, error: 'bad_client_secret' };
    const agreed = this.#codes.get(given['code'] ?? '');
    if (!agreed) return { ok: false, error: 'invalid_code' };
    this.#codes.delete(given['code'] ?? '');
    const { place, token, user } = agreed;
    this.#tokens.set(token, place);
    const { team, enterprise } = place;
    return {
      ok: true,
      access_token: token,
      token_type: 'bot',
      scope: 'commands,chat:write,users:read,usergroups:read',
      bot_user_id: 'U0BOT',
      app_id: 'A01APP',
      team: team === undefined ? null : { id: team, name: `Team <${team}>` },
      enterprise: enterprise === undefined ? null : { id: enterprise, name: `Organisation ${enterprise}` },
      is_enterprise_install: team === undefined,
      authed_user: { id: user },
    };
  }

  async #passOn(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const { authorization, 'content-type': type } = request.headers;
    const headers = { ...(authorization ? { authorization } : {}), ...(type ? { 'content-type': type } : {}) };
    const answer = await fetch(`${this.#upstream}${request.url}`, { method: 'POST', headers, body });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  }
}

/** A request to the app as Slack signs it. */
export async function sendSigned(
  url: string,
  body: string,
  type = 'application/x-www-form-urlencoded',
): Promise<Response> {
  const time = String(Math.floor(Date.now() / 1000));
  const signature = `v0=${createHmac('sha256', app.signingSecret).update(`v0:${time}:${body}`).digest('hex')}`;
  const headers = { 'content-type': type, 'x-slack-request-timestamp': time, 'x-slack-signature': signature };
  return fetch(url, { method: 'POST', headers, body });
}

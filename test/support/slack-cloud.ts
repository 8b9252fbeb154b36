import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { botEvents, botScopes } from '../../src/slack/manifest.ts';

/** A workspace, or an organisation that installs for all of its workspaces (`team` absent). */
export interface CloudPlace {
  team?: string;
  enterprise?: string;
  /** What `users.info` answers, by user. Absent: everybody is an ordinary account. */
  users?: Record<string, object>;
  /** Channels and accounts that take no message, with the error of Slack. */
  refuses?: Record<string, string>;
  /** The channels that the bot is in. Absent: all. Others are public. */
  joined?: readonly string[];
  /** The scopes of the token. Absent: those of the manifest. */
  scopes?: readonly string[];
  /** Members of user groups. */
  groups?: Record<string, string[]>;
}

/** What goes wrong with the next calls of a method, each once. */
export type Fault =
  | { error: string }
  | { status: number }
  /** HTTP 429: no call is taken for these seconds. */
  | { retryAfter: number }
  /** No answer comes, and nothing happens. */
  | { hangs: true }
  /** It happens, and the answer is lost. */
  | { loses: true };

export interface CloudEvent extends Record<string, unknown> {
  type: string;
  channel_type?: string;
}

/** A message that people see. */
export interface CloudMessage {
  team: string;
  channel: string;
  ts: string;
  text: string;
  blocks: string;
  thread: string | undefined;
}

/** The scope that a call needs, from the pages of the methods. Undefined: none. */
export const scopeOf: Readonly<Record<string, string | undefined>> = {
  'auth.revoke': undefined,
  'auth.test': undefined,
  'chat.getPermalink': undefined,
  'chat.postMessage': 'chat:write',
  'chat.update': 'chat:write',
  'users.info': 'users:read',
  'usergroups.users.list': 'usergroups:read',
  'views.open': undefined,
  'views.publish': undefined,
  'views.push': undefined,
  'views.update': undefined,
};

function scopesOf({ scopes }: CloudPlace): readonly string[] {
  return scopes ?? botScopes;
}

export interface CloudCall {
  method: string;
  token: string;
  arguments: Record<string, string>;
  /** How many calls hung at that time. */
  hanging: number;
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
  /** What goes wrong with the next calls, by method. */
  readonly faults = new Map<string, Fault[]>();
  /** The messages that people see, oldest first. */
  readonly messages: CloudMessage[] = [];
  /** Milliseconds from a request of Slack to its acknowledgement. Slack gives up after 3,000. */
  readonly acks: number[] = [];
  #hanging = 0;
  readonly #triggers = new Map<string, number>();
  readonly #views = new Map<string, { hash: string }>();
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
    this.calls.push({ method, token, arguments: given, hanging: this.#hanging });
    const fault = this.faults.get(method)?.shift();
    if (fault && 'hangs' in fault) {
      this.#hanging += 1;
      request.socket.once('close', () => (this.#hanging -= 1));
      return;
    }
    if (fault && 'status' in fault) return void response.writeHead(fault.status).end('trouble');
    if (fault && 'retryAfter' in fault)
      return void response.writeHead(429, { 'retry-after': String(fault.retryAfter) }).end();
    if (fault && 'loses' in fault) {
      this.#answer(method, token, given);
      return void request.socket.destroy();
    }
    const broken = fault?.error ?? this.broken.get(method);
    if (broken === 'hang_up') return void request.socket.destroy();
    const answer = broken === undefined ? this.#answer(method, token, given) : { ok: false, error: broken };
    if (answer === undefined && this.#upstream !== undefined) return this.#passOn(request, response, body);
    const place = this.#tokens.get(token);
    const granted = place ? { 'x-oauth-scopes': scopesOf(place).join(',') } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...granted });
    response.end(JSON.stringify(answer ?? { ok: false, error: 'unknown_method' }));
  }

  #answer(method: string, token: string, given: Record<string, string>): object | undefined {
    if (method === 'oauth.v2.access') return this.#exchange(given);
    const place = this.#tokens.get(token);
    if (this.#upstream !== undefined && method !== 'auth.revoke') return undefined;
    if (!place) return { ok: false, error: 'invalid_auth' };
    const needed = scopeOf[method];
    const provided = scopesOf(place);
    if (needed !== undefined && !provided.includes(needed))
      return { ok: false, error: 'missing_scope', needed, provided: provided.join(',') };
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
        const user = place.users ? place.users[given['user'] ?? ''] : {};
        return user ? { ok: true, user } : { ok: false, error: 'user_not_found' };
      }
      case 'usergroups.users.list': {
        const users = place.groups?.[given['usergroup'] ?? ''];
        return users ? { ok: true, users } : { ok: false, error: 'no_such_subteam' };
      }
      case 'chat.postMessage':
        return this.#post(place, given);
      case 'chat.update':
        return this.#update(given);
      case 'chat.getPermalink':
        return { ok: true, permalink: `https://test.slack.com/archives/${given['channel']}/${given['message_ts']}` };
      case 'views.update':
        return this.#updateView(given);
      case 'views.open':
        return this.#openView(given);
      default:
        return undefined;
    }
  }

  /** A trigger as Slack gives it with a command or a click: for three seconds and one view. */
  trigger(madeAt = Date.now()): string {
    const trigger = `trigger.${this.#triggers.size}`;
    this.#triggers.set(trigger, madeAt);
    return trigger;
  }

  #openView({ trigger_id: trigger = '' }: Record<string, string>): object {
    const madeAt = this.#triggers.get(trigger);
    if (madeAt === undefined) return { ok: false, error: 'invalid_trigger_id' };
    this.#triggers.set(trigger, -Infinity);
    if (madeAt === -Infinity) return { ok: false, error: 'exchanged_trigger_id' };
    if (Date.now() - madeAt > 3000) return { ok: false, error: 'expired_trigger_id' };
    const view = { id: `V${this.calls.length}`, hash: `hash.${this.calls.length}` };
    this.#views.set(view.id, view);
    return { ok: true, view };
  }

  #updateView({ view_id: id = '', hash }: Record<string, string>): object {
    const shown = this.#views.get(id);
    if (!shown) return { ok: false, error: 'not_found' };
    if (hash !== undefined && hash !== shown.hash) return { ok: false, error: 'hash_conflict' };
    shown.hash = `hash.${this.calls.length}`;
    return { ok: true, view: { id, hash: shown.hash } };
  }

  #post(place: CloudPlace, given: Record<string, string>): object {
    const { team, enterprise, refuses, joined } = place;
    const provided = scopesOf(place);
    const { channel: to = '', text = '', blocks = '[]', thread_ts: thread } = given;
    const isOutside = joined !== undefined && to.startsWith('C') && !joined.includes(to);
    const error =
      refuses?.[to] ?? (isOutside && !provided.includes('chat:write.public') ? 'not_in_channel' : undefined);
    if (error !== undefined) return { ok: false, error };
    if (thread !== undefined && !this.messages.some(({ ts }) => ts === thread))
      return { ok: false, error: 'thread_not_found' };
    const channel = /^[UW]/.test(to) ? `D${to}` : to;
    const ts = `${this.calls.length}.000100`;
    this.messages.push({ team: team ?? enterprise ?? '', channel, ts, text, blocks, thread });
    return { ok: true, channel, ts };
  }

  #update({ channel, ts, text = '', blocks = '[]' }: Record<string, string>): object {
    const found = this.messages.find((each) => each.channel === channel && each.ts === ts);
    if (!found) return { ok: false, error: 'message_not_found' };
    Object.assign(found, { text, blocks });
    return { ok: true, channel, ts };
  }

  /**
   * Sends a request to the app as Slack does: signed, and counted if it is acknowledged late. Events are sent again
   * with Slack's headers if they fail.
   */
  async deliver(url: string, body: string, type?: string, retries = 0): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const began = Date.now();
      const again: Record<string, string> =
        attempt === 0 ? {} : { 'x-slack-retry-num': String(attempt), 'x-slack-retry-reason': 'http_error' };
      const answer = await sendSigned(url, body, type, again);
      this.acks.push(Date.now() - began);
      if (answer.ok || attempt >= retries) return answer;
    }
  }

  /** Sends an event if the manifest subscribes to it, as Slack does. Undefined if it does not. */
  async deliverEvent(url: string, event: CloudEvent, about: object): Promise<Response | undefined> {
    const name = event.type === 'message' ? `message.${event.channel_type}` : event.type;
    if (!botEvents.some((each) => each === name)) return undefined;
    const envelope = { type: 'event_callback', event_time: Math.floor(Date.now() / 1000), event_id: 'Ev1' };
    return this.deliver(url, JSON.stringify({ ...envelope, event, ...about }), 'application/json', 3);
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
  more: Record<string, string> = {},
): Promise<Response> {
  const time = String(Math.floor(Date.now() / 1000));
  const signature = `v0=${createHmac('sha256', app.signingSecret).update(`v0:${time}:${body}`).digest('hex')}`;
  const headers = {
    'content-type': type,
    'x-slack-request-timestamp': time,
    'x-slack-signature': signature,
    ...more,
  };
  return fetch(url, { method: 'POST', headers, body });
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KnownBlock, ModalView } from '@slack/types';
import { stringify } from 'yaml';

/** The ids of the workspace that every test gets. */
export const workspace = {
  team: 'T01TEST',
  botToken: 'xoxb-1111-test-token',
  appToken: 'xapp-1-test-token',
  signingSecret: 'test-signing-secret',
  alice: 'U01ALICE',
  stranger: 'U09NOBODY',
  channel: 'C01GEN',
};

/** A message as the workspace holds it; what one person sees alone has `ephemeral_to`. */
export interface PostedMessage {
  ts: string;
  text: string;
  blocks?: KnownBlock[];
  ephemeral_to?: string;
  edited?: object;
}

export type FieldState = Record<string, Record<string, unknown>>;

interface LogEntry {
  /** Milliseconds since 1970. */
  time: number;
  direction: string;
  kind: string;
  summary: string;
  detail?: Record<string, unknown>;
}

type OpenView = ModalView & { id: string; hash: string };

const binary = fileURLToPath(new URL('../../node_modules/local-slack-linux-x64/bin/local-slack', import.meta.url));

/** For `expect.poll`: what happens here crosses three processes on a machine that may be busy. */
export const patient = { timeout: 30_000 };

/**
 * For `describe.skipIf`: true where local-slack's binary is missing, which is said loudly. CI may not go without it.
 */
export const withoutLocalSlack = !existsSync(binary);

const installation = 'npm install --no-save local-slack-linux-x64@0.1.8';
if (withoutLocalSlack && process.env['CI'] === 'true') throw new Error(`local-slack is not installed: ${installation}`);
if (withoutLocalSlack) process.stderr.write(`SKIPPED: tests over Slack need local-slack (${installation})\n`);

/** A Slack workspace of its own: a process on a free port, and one browser tab's worth of what a user sees. */
export class LocalSlack implements AsyncDisposable {
  /** What the last refused submission said, by block. */
  errors: Record<string, string> = {};
  readonly #config: string;
  #port = 0;
  #child: ChildProcess | undefined;
  #tab: WebSocket | undefined;
  #views: OpenView[] = [];

  private constructor(config: string) {
    this.#config = config;
  }

  /** Posts what happens to `requestUrl` where there is one; else the app connects to it. */
  static async start(requestUrl?: string): Promise<LocalSlack> {
    const config = join(await mkdtemp(join(tmpdir(), 'ecolink-workspace-')), 'workspace.yaml');
    await writeFile(config, stringify(workspaceConfig(requestUrl)));
    const slack = new LocalSlack(config);
    await slack.#run();
    return slack;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get apiUrl(): string {
    return `${this.url}/api/`;
  }

  /** The modal on top, as Slack would show it. */
  get view(): OpenView | undefined {
    return this.#views.at(-1);
  }

  /** Types a slash command; answers when the app has acknowledged it. */
  async type(text: string, user = workspace.alice, channel = workspace.channel): Promise<void> {
    const [command, ...rest] = text.split(' ');
    await this.#control('command', { channel, user, command, text: rest.join(' ') });
  }

  /** Opens the app's home tab. */
  async openHome(user = workspace.alice): Promise<void> {
    await this.#control('open-home', { user });
  }

  /** Clicks a button of a message. */
  async click(
    message: PostedMessage,
    actionId: string,
    user = workspace.alice,
    channel = workspace.channel,
  ): Promise<void> {
    for (const block of message.blocks ?? []) {
      if (block.type !== 'actions') continue;
      const button = block.elements.find((element) => element.action_id === actionId);
      if (!button) continue;
      const action = { ...button, block_id: block.block_id };
      return this.#control('interact', { channel, messageTs: message.ts, user, action });
    }
    throw new Error(`The message has no button ${actionId}`);
  }

  /** Sends the modal on top with these fields, by block and action. */
  submit(values: FieldState, user = workspace.alice): void {
    this.errors = {};
    this.#tab?.send(JSON.stringify({ t: 'view_submit', user, values }));
  }

  closeView(user = workspace.alice): void {
    this.#tab?.send(JSON.stringify({ t: 'view_close', user }));
  }

  async messages(channel: string = workspace.channel): Promise<PostedMessage[]> {
    const answer = (await (await fetch(`${this.url}/_control/messages/${channel}`)).json()) as {
      messages: PostedMessage[];
    };
    return answer.messages;
  }

  /** The direct messages between the app and a user. */
  async directMessages(user = workspace.alice): Promise<PostedMessage[]> {
    const state = (await (await fetch(`${this.url}/_control/state`)).json()) as {
      channels: { id: string; is_im: boolean; members: string[] }[];
    };
    const direct = state.channels.find((channel) => channel.is_im && channel.members.includes(user));
    return direct ? this.messages(direct.id) : [];
  }

  /** All traffic between the workspace and the app so far. */
  async log(): Promise<LogEntry[]> {
    return ((await (await fetch(`${this.url}/_control/log`)).json()) as { log: LogEntry[] }).log;
  }

  /** The arguments of every call of one Web API method so far. */
  async calls(method: string): Promise<Record<string, unknown>[]> {
    const log = await this.log();
    return log
      .filter((entry) => entry.direction === 'from_bot' && entry.summary === method)
      .map((entry) => entry.detail ?? {});
  }

  /** Slack goes away, with every connection and all that was said, and comes back at the same address. */
  async restart(): Promise<void> {
    await this.#end();
    await this.#run();
  }

  async close(): Promise<void> {
    await this.#end();
    await rm(dirname(this.#config), { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    const options = ['--config', this.#config, '--port', String(this.#port), '--base-host', '127.0.0.1'];
    this.#child = spawn(binary, [...options, '--files-dir', dirname(this.#config)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#port = Number(new URL(await readUrl(this.#child)).port);
    this.#tab = new WebSocket(`${this.url.replace('http', 'ws')}/ui`);
    this.#tab.addEventListener('message', ({ data }) => this.#seen(JSON.parse(String(data)) as Seen));
    await once(this.#tab, 'open');
  }

  async #end(): Promise<void> {
    this.#tab?.close();
    if (!this.#child) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #control(what: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/_control/${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`local-slack answered ${answer.status} to ${what}`);
  }

  #seen(event: Seen): void {
    if (event.t === 'view') this.#views = event.stack ?? [];
    if (event.t === 'view_errors') this.errors = event.errors ?? {};
  }
}

interface Seen {
  t: string;
  stack?: OpenView[];
  errors?: Record<string, string>;
}

function workspaceConfig(requestUrl: string | undefined): object {
  const { team, botToken, appToken, signingSecret, alice, stranger, channel } = workspace;
  return {
    workspace: { name: 'Test', domain: 'test', teamId: team },
    app: {
      appId: 'A01APP',
      botUserId: 'U0BOT',
      botName: 'ecolink',
      botToken,
      appToken,
      signingSecret,
      ...(requestUrl === undefined ? { mode: 'socket' } : { mode: 'events', requestUrl }),
    },
    users: [
      { id: alice, name: 'alice' },
      { id: stranger, name: 'nobody' },
    ],
    channels: [{ id: channel, name: 'general', members: [alice, stranger, 'U0BOT'] }],
  };
}

async function readUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('local-slack has no output');
  for await (const line of createInterface(child.stdout)) {
    const found = /Web UI:\s+(http:\S+)/.exec(line)?.[1];
    if (found) {
      child.stdout.resume();
      return found;
    }
  }
  throw new Error('local-slack ended before it listened');
}

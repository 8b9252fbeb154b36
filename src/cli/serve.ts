import { localTokenPath } from '../client/data-folder.ts';
import { createLog } from '../core/base/log.ts';
import type { Config } from '../core/config/config.ts';
import { loadConfig } from '../core/config/load.ts';
import { createCore } from '../core/create-core.ts';
import { startServer } from '../http/server.ts';
import { ownVersion } from '../core/config/version.ts';
import { startGatewayBeside } from './gateway-beside.ts';
import { program } from './names.ts';
import { stopSignal } from './stop-signal.ts';
import type { Terminal } from './output/terminal.ts';
import type { ServeFlags } from './server-commands.ts';

interface ServeOptions {
  /** Wait while another server uses the data folder or the database. */
  waits: boolean;
  flags: ServeFlags;
}

export async function serve({ waits, flags }: ServeOptions, terminal: Terminal): Promise<void> {
  const stop = stopSignal();
  const stopping = new AbortController();
  void stop.then(() => stopping.abort());
  try {
    await runServer({ waits, flags, stop, signal: stopping.signal }, terminal);
  } catch (thrown) {
    // Otherwise the signal came before the server had started.
    if (thrown !== stopping.signal.reason) throw thrown;
  } finally {
    // Everything is closed and saved. A handle that a library keeps must not block the terminal.
    setTimeout(() => process.exit(), 2000).unref();
  }
}

interface Run extends ServeOptions {
  stop: Promise<NodeJS.Signals>;
  /** Aborted when `stop` resolves. */
  signal: AbortSignal;
}

/** Returns after a signal. Throws `database_in_use` if another server takes over. */
async function runServer({ waits, flags, stop, signal }: Run, terminal: Terminal): Promise<void> {
  const config = loadConfig(environmentOf(flags));
  const log = createLog({ level: config.logLevel, pretty: config.logPretty });
  await using core = await createCore(config, log, { reconcile: true, waits, signal });
  await using server = await startServer(core);
  const endGateway = await startGatewayBeside(config, log);
  const claimCode = config.secrets.slack ? await core.claims.offer() : undefined;
  terminal.out(welcome(config, server.url, claimCode));
  const end = await Promise.race([stop, core.replaced]);
  if (typeof end === 'string') endGateway();
  if (typeof end !== 'string') throw end;
  terminal.err(`${end}: stopping. Another signal stops at once.`);
}

/** The environment, with what the flags say instead. */
function environmentOf({ port, host, config, dataDir }: ServeFlags): Record<string, string | undefined> {
  const { env } = process;
  return {
    ...env,
    ECOLINK_PORT: port ?? env['ECOLINK_PORT'],
    ECOLINK_HOST: host ?? env['ECOLINK_HOST'],
    ECOLINK_CONFIG: config ?? env['ECOLINK_CONFIG'],
    ECOLINK_DATA_DIR: dataDir ?? env['ECOLINK_DATA_DIR'],
  };
}

function welcome(config: Config, url: string, claimCode: string | undefined): string {
  return `EcoLink ${ownVersion()} runs at ${url}

  data folder   ${config.dataDir}
  local token   ${localTokenPath(config.dataDir)} (commands on this machine find it)
  OpenAI API    ${url}/v1
  MCP           ${url}/mcp, or over stdio: ${program} mcp
  Slack         ${slackLine(config, url)}
${claimCode === undefined ? '' : claimNote(claimCode)}
Next, in another terminal:
  ${program} register-model qwen-small --repo Qwen/Qwen2.5-0.5B-Instruct-GGUF --category chat
  ${program} launch-instance qwen-small --wait
  ${program} --help

Ctrl-C stops the server.`;
}

function slackLine({ secrets, publicUrl }: Config, url: string): string {
  if (!secrets.slack) return 'off; to turn it on, set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET';
  return secrets.slack.oauth ? `on; workspaces install it at ${publicUrl ?? url}/slack/install` : 'on';
}

function claimNote(code: string): string {
  return `
Slack has no admin yet. Type this in Slack within 15 minutes. It works once; a restart prints another:
  /ecolink claim ${code}
`;
}

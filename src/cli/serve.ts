import { createCore } from '../core/create-core.ts';
import { loadConfig } from '../core/config/load.ts';
import type { Config } from '../core/config/config.ts';
import { createLog } from '../core/base/log.ts';
import { localTokenPath } from '../http/data-folder.ts';
import { startServer } from '../http/server.ts';
import { ownVersion } from '../http/version.ts';
import type { Terminal } from './output/terminal.ts';

/** Runs the server until it is told to stop. */
export async function serve(terminal: Terminal): Promise<void> {
  const config = loadConfig();
  const log = createLog({ level: config.logLevel, pretty: config.logPretty });
  const stop = stopSignal();
  {
    await using core = await createCore(config, log, { reconcile: true });
    await using server = await startServer(core);
    const claimCode = config.secrets.slack ? await core.claims.offer() : undefined;
    terminal.out(welcome(config, server.url, claimCode));
    const signal = await stop;
    terminal.err(`${signal}: stopping; once more stops at once.`);
  }
  // Everything is closed and saved; a handle that some library keeps must not hold the terminal.
  setTimeout(() => process.exit(0), 2000).unref();
}

/**
 * Resolves at the first signal. A later one ends the process: but not the same Ctrl-C again, which arrives from the
 * terminal, from npm and from bin/ecolink.js, each of which passes it on.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    first ??= now;
    if (now - first > 700) process.exit(130);
    resolve(signal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return promise;
}

function welcome(config: Config, url: string, claimCode: string | undefined): string {
  const ecolink = typedHere();
  return `EcoLink ${ownVersion()} runs at ${url}

  data folder   ${config.dataDir}
  local token   ${localTokenPath(config.dataDir)} (commands on this machine find it by themselves)
  OpenAI API    ${url}/v1
  MCP           ${url}/mcp, or over stdio: ${ecolink} mcp
  Slack         ${slackLine(config, url)}
${claimCode === undefined ? '' : claimNote(claimCode)}
Next, in another terminal:
  ${ecolink} register-model qwen-small --repo Qwen/Qwen2.5-0.5B-Instruct-GGUF --category chat
  ${ecolink} launch-instance qwen-small --wait
  ${ecolink} --help

Ctrl-C stops the server.`;
}

function slackLine({ secrets, publicUrl }: Config, url: string): string {
  if (!secrets.slack) return 'off: set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET';
  return secrets.slack.oauth ? `on; workspaces install it at ${publicUrl ?? url}/slack/install` : 'on';
}

function claimNote(code: string): string {
  return `
Nobody is admin in Slack yet. Type this there within 15 minutes; it works once, and a restart prints another:
  /ecolink claim ${code}
`;
}

/** In a clone, which runs from source, there is no `ecolink` on the PATH. */
function typedHere(): string {
  return import.meta.url.endsWith('.ts') ? 'npm run -s ecolink --' : 'ecolink';
}

import type { Command } from 'commander';
import { fail } from '../core/base/errors.ts';
import { program as programName } from './names.ts';
import type { Terminal } from './output/terminal.ts';
import { commandAdder, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

/** Flags that stand for environment variables of the server. */
export interface ServeFlags {
  port?: string;
  host?: string;
  config?: string;
  dataDir?: string;
}

export const setupGroup = 'Server and setup:';

/** The commands that are not operations. Each loads its code only when it runs. */
export function addServerCommands(program: Command, add: AddCommand, terminal: Terminal): void {
  const own = commandAdder(program, add, setupGroup);

  own(
    'quickstart',
    'See the whole main job in one go',
    'Starts a server in its own folder, registers a small model, launches it, calls it, and stays up. Uses the Hugging Face Hub if it answers, else a tiny model that comes with EcoLink.',
  )
    .option('--exit', 'End when all is shown, with status 0 only if all worked.')
    .option('--offline', 'Do not ask the Hub: use the tiny model that comes with EcoLink.')
    .option('--repo <owner/name>', 'Use another GGUF repo of the Hub.')
    .action(async (options: { exit?: boolean; offline?: boolean; repo?: string }) => {
      const { quickstartCommand } = await import('./quickstart/quickstart.ts');
      // A handle that a library keeps must not block the terminal.
      process.exit(await quickstartCommand(options));
    });

  own(
    'serve',
    'Run the server',
    'Runs the server on this data folder: the operations, the OpenAI-compatible gateway at /v1, MCP at /mcp and, if its tokens are set, Slack. One server at a time uses a data folder or a database.',
  )
    .option('--wait', 'If another server uses the data folder or the database, wait until it ends. Default: fail.')
    .option('--port <number>', 'Listen on this port instead of ECOLINK_PORT.')
    .option('--host <address>', 'Listen on this address instead of ECOLINK_HOST.')
    .option('--config <file>', 'Read this file instead of ECOLINK_CONFIG.')
    .option('--data-dir <folder>', 'Keep the data there instead of in ECOLINK_DATA_DIR.')
    .action(async ({ wait = false, ...flags }: ServeFlags & { wait?: boolean }) =>
      (await import('./serve.ts')).serve({ waits: wait, flags }, terminal),
    );

  own(
    'stop-server',
    'Stop the server of this data folder',
    'Stops the server that runs on the data folder, also one that an assistant has started. It ends running calls first.',
  ).action(async () => (await import('./stop-server.ts')).stopServer(terminal));

  own(
    'gateway',
    'Run a gateway for calls of models',
    'Answers /v1 and /instances/<id>/proxy from the routes that the server last sent, also while the server is away. The server starts one on its machine. Elsewhere it needs ECOLINK_URL, ECOLINK_GATEWAY_CREDENTIAL and ECOLINK_GATEWAY_PUBLIC_KEY.',
  ).action(async () => (await import('./gateway.ts')).gateway(terminal));

  own(
    'mcp',
    'Serve an AI assistant over stdio',
    'Speaks MCP on standard input and output, for an assistant that starts it. Uses the running server. If none runs, it starts one that stays.',
  )
    .option('--no-start', 'Fail if no server runs, instead of starting one.')
    .action(async (options: { start: boolean }) => (await import('./mcp.ts')).mcp(options, terminal));

  own(
    'doctor',
    'Check this setup and say what to fix',
    'Checks Node, the data folder, the store, the server, the Hub and the engine, and says how to fix what is wrong. Status 1 if something must be fixed.',
  )
    .option('--json', 'Print the checks as JSON and nothing else.')
    .action(async (_, command: Command) => {
      const { doctor } = await import('./doctor.ts');
      process.exitCode = await doctor(wantsJson(command), terminal);
    });

  const slack = own('slack', 'Set up the Slack app', 'What a workspace needs to run the Slack app of this server.');
  add(slack, 'manifest')
    .summary("Print the app's manifest")
    .description(
      'Prints what to paste at api.slack.com/apps under "From a manifest": for Socket Mode, or with --url for HTTP.',
    )
    .option('--url <address>', 'The address at which Slack reaches this server. Turns Socket Mode off.')
    .action(async ({ url }: { url?: string }) => {
      const { manifestText, slackManifest } = await import('../slack/manifest.ts');
      if (url !== undefined && !URL.canParse(url)) throw badAddress(url);
      terminal.out(manifestText(slackManifest({ url })).trimEnd());
    });

  own(
    'migrate',
    'Bring the store up to date',
    'Opens the store (SQLite in the data folder, or DATABASE_URL) and applies the missing migrations. The server does the same when it starts.',
  ).action(async () => (await import('./migrate.ts')).migrate(terminal));

  own(
    'completion',
    'Print shell completion',
    'Prints a script that completes commands, flags, and the names of models, instances and regions.',
  )
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', completionHelp)
    .action(async (shell: string) => (await import('./completion.ts')).completion(shell, terminal));

  // main.ts runs it before this program is built. Here it is only listed.
  own(
    'pull',
    'Download a repository (used by downloads)',
    `Fetches, verifies and publishes the files of one manifest. EcoLink starts it by itself. "${programName} pull --help" shows its options.`,
  );
}

function badAddress(url: string): Error {
  return fail('bad_field', `"${url}" is no address.`, { nextStep: 'Write it like https://ecolink.example.' });
}

const completionHelp = `
Examples:
  ${programName} completion bash > ~/.local/share/bash-completion/completions/ecolink
  ${programName} completion zsh > "\${fpath[1]}/_ecolink"
  ${programName} completion fish > ~/.config/fish/completions/ecolink.fish`;

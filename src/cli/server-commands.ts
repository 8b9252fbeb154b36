import type { Command } from 'commander';
import type { Terminal } from './output/terminal.ts';

type Add = (parent: Command, name: string) => Command;

export const setupGroup = 'Server and setup:';

/** The commands that are not operations. Each loads its own code when it runs, and only then. */
export function addServerCommands(program: Command, add: Add, terminal: Terminal): void {
  const own = (name: string, summary: string, description: string): Command =>
    add(program, name).summary(summary).description(description).helpGroup(setupGroup);

  own(
    'quickstart',
    'See the whole main job in one go',
    'Starts a server in a folder of its own, registers a small model, launches it, calls it, and stays up. Uses the Hugging Face Hub where it answers, else a tiny model that it makes itself.',
  )
    .option('--exit', 'End when all is shown, with status 0 only if all worked.')
    .option('--offline', 'Do not ask the Hub: use the tiny model, whose weights are random.')
    .option('--repo <owner/name>', 'Use another GGUF repo of the Hub.')
    .action(async (options: { exit?: boolean; offline?: boolean; repo?: string }) => {
      const { quickstartCommand } = await import('./quickstart/quickstart.ts');
      // What a library still holds open is nobody's any more.
      process.exit(await quickstartCommand(options));
    });

  own(
    'serve',
    'Run the server',
    'Runs the server on this data folder: the operations, the OpenAI-compatible gateway at /v1, MCP at /mcp and, where its tokens are set, Slack.',
  ).action(async () => (await import('./serve.ts')).serve(terminal));

  own(
    'mcp',
    'Serve an AI assistant over stdio',
    'Speaks MCP on standard input and output, for an assistant that starts it. Uses the running server, and starts one that stays where none runs.',
  )
    .option('--no-start', 'Fail where no server runs, instead of starting one.')
    .action(async (options: { start: boolean }) => (await import('./mcp.ts')).mcp(options, terminal));

  own(
    'doctor',
    'Check this setup and say what to fix',
    'Checks Node, the data folder, the store, the server, the Hub and the engine, and says what to do about what is wrong. Status 1 where something must be fixed.',
  )
    .option('--json', 'Print the checks as JSON and nothing else.')
    .action(async (_, command: Command) => {
      const { doctor } = await import('./doctor.ts');
      process.exitCode = await doctor(command.optsWithGlobals<{ json?: boolean }>().json === true, terminal);
    });

  own(
    'migrate',
    'Bring the store up to date',
    'Opens the store (SQLite in the data folder, or DATABASE_URL) and applies what migrations are missing. The server does the same when it starts.',
  ).action(async () => (await import('./migrate.ts')).migrate(terminal));

  own(
    'completion',
    'Print shell completion',
    'Prints a script that completes commands, flags, and the names of models, instances and regions.',
  )
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', completionHelp)
    .action(async (shell: string) => (await import('./completion.ts')).completion(shell, terminal));

  // Runs before this program is built (main.ts); here it is only listed.
  own(
    'pull',
    'Download a repository (used by downloads)',
    'Fetches, verifies and publishes the files of one manifest. EcoLink starts it by itself; "ecolink pull --help" says what it takes.',
  );
}

const completionHelp = `
Examples:
  ecolink completion bash > ~/.local/share/bash-completion/completions/ecolink
  ecolink completion zsh > "\${fpath[1]}/_ecolink"
  ecolink completion fish > ~/.config/fish/completions/ecolink.fish`;

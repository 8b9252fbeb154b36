import { Command, CommanderError } from 'commander';
import { addAuditCommands } from './audit.ts';
import { addCredentialCommands, refuseTokens } from './credential.ts';
import { usageError, reportFailure } from './failure.ts';
import { approvalsGroup, otherOperations, peopleGroup } from './groups.ts';
import { rootHelp } from './help.ts';
import { commandName, commandOperations, program as name } from './names.ts';
import { operationCommand } from './operation-command.ts';
import { processTerminal } from './output/terminal.ts';
import type { Terminal } from './output/terminal.ts';
import { addPolicyCommands } from './policy.ts';
import { addRegionCommands } from './region.ts';
import { runOperation } from './run-operation.ts';
import { addServerCommands, setupGroup } from './server-commands.ts';
import { addTokenCommands } from './token.ts';
import { ownVersion } from '../http/version.ts';

/** Runs one command line and answers with its exit status. Throws nothing. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  try {
    refuseTokens(argv);
    const program = buildProgram(terminal);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    // Help that was asked for; or shown, on standard error, in place of a command that was left out.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    return reportFailure(thrown, argv, terminal);
  }
}

/** The whole command tree. Building it loads no store, no server and no front end but this one. */
export function buildProgram(terminal: Terminal): Command {
  const program = prepare(new Command(name), terminal)
    .description('A model registry and inference launcher for your own GPUs.')
    .usage('<command> [options]')
    .version(ownVersion(), '--version', 'Print the version.')
    .helpOption('-h, --help', 'Explain the program or one of its commands.')
    .addHelpCommand(new Command('help').argument('[command]').summary('Explain a command').helpGroup(setupGroup))
    .configureHelp({ subcommandTerm: (command) => command.name(), sortSubcommands: false })
    .addHelpText('after', rootHelp());
  program.option('--json').options.at(-1)?.hideHelp();
  const add = (parent: Command, child: string, hidden = false): Command => {
    const command = prepare(parent.createCommand(child), terminal);
    command.helpOption('-h, --help', 'Explain this command.').helpCommand(false);
    parent.addCommand(command, { hidden });
    return command;
  };
  for (const operation of commandOperations()) {
    operationCommand(operation, add(program, commandName(operation.name)), (request) =>
      runOperation(request, terminal),
    );
  }
  addTokenCommands(program, add, peopleGroup, terminal);
  addPolicyCommands(program, add, approvalsGroup, terminal);
  addCredentialCommands(program, add, peopleGroup, terminal);
  addRegionCommands(program, add, setupGroup, terminal);
  addAuditCommands(program, add, otherOperations, terminal);
  addServerCommands(program, add, terminal);
  return program;
}

/** Wrong usage is thrown, in this project's words, instead of printed and exited on by commander. */
function prepare(command: Command, terminal: Terminal): Command {
  return command
    .exitOverride((error) => {
      throw error.exitCode === 0 || error.code === 'commander.help' ? error : usageError(error, command);
    })
    .showSuggestionAfterError(false)
    .configureOutput({
      outputError: () => {},
      getOutHelpWidth: () => Math.min(terminal.width ?? 100, 110),
    });
}

import { Command, CommanderError } from 'commander';
import { groups } from '../core/operation/operation.ts';
import type { Operation } from '../core/operation/operation.ts';
import { ownVersion } from '../core/config/version.ts';
import { addAuditCommands } from './audit.ts';
import { addChatCommand } from './chat/command.ts';
import { addCredentialCommands, refuseTokens } from './credential.ts';
import { fail } from '../core/base/errors.ts';
import { usageError, reportFailure } from './failure.ts';
import { rootHelp } from './help.ts';
import { commandName, commandOperations, program as name } from './names.ts';
import { addLoginCommands } from './login.ts';
import { operationCommand } from './operation-command.ts';
import type { OperationRequest } from './operation-command.ts';
import { processTerminal } from './output/terminal.ts';
import type { Terminal } from './output/terminal.ts';
import { addPolicyCommands } from './policy.ts';
import { addRegionCommands } from './region.ts';
import { addServerCommands, setupGroup } from './server-commands.ts';
import { withFullNames } from './short-words.ts';
import type { AddCommand } from './sub-command.ts';
import { addTokenCommands } from './token.ts';
import { addWaitCommand } from './wait-command.ts';

/** Runs one command line and returns its exit status. Throws nothing. */
export async function runProgram(typed: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  let argv = [...typed];
  try {
    argv = withFullNames(takeGlobalFlags(typed, terminal));
    refuseTokens(argv);
    const program = buildProgram(terminal);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    // Somebody asked for help, or help was shown on standard error because a command was missing.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    return await reportFailure(thrown, argv, terminal);
  }
}

/** Flags that every command has, wherever they stand. */
function takeGlobalFlags(typed: readonly string[], terminal: Terminal): string[] {
  const rest: string[] = [];
  const words = typed.values();
  for (const word of words) {
    const server = word === '--server' ? (words.next().value ?? '') : /^--server=(.*)$/.exec(word)?.[1];
    if (server === '')
      throw fail('value_missing', '--server needs the name of a server after it.', {
        nextStep: `See the names with ${name} list-servers.`,
      });
    if (server !== undefined) terminal.server = server;
    else if (word === '--verbose') terminal.verbose = true;
    else if (word === '--') rest.push(word, ...words);
    else rest.push(word);
  }
  return rest;
}

/** The whole command tree. Building it loads no store, no server and no other front end. */
export function buildProgram(
  terminal: Terminal,
  run: (request: OperationRequest) => Promise<void> = async (request) =>
    (await import('./run-operation.ts')).runOperation(request, terminal),
): Command {
  const program = prepare(new Command(name), terminal)
    .description('A model registry and inference launcher for your own GPUs.')
    .usage('<command> [options]')
    .version(ownVersion(), '--version', 'Print the version.')
    .helpOption('-h, --help', 'Explain the program or one of its commands.')
    .addHelpCommand(new Command('help').argument('[command]').summary('Explain a command').helpGroup(setupGroup))
    .configureHelp({ subcommandTerm: (command) => command.name(), sortSubcommands: false })
    .addHelpText('after', rootHelp());
  program.option('--json').options.at(-1)?.hideHelp();
  const add: AddCommand = (parent, child, hidden = false) => {
    const command = prepare(parent.createCommand(child), terminal);
    command.helpOption('-h, --help', 'Explain this command.').helpCommand(false);
    parent.addCommand(command, { hidden });
    return command;
  };
  for (const operation of inHelpOrder()) {
    operationCommand(operation, add(program, commandName(operation.name)), run);
  }
  addChatCommand(program, add, `${groups.instances}:`, terminal);
  addWaitCommand(program, add, `${groups.instances}:`, terminal);
  addTokenCommands(program, add, `${groups.people}:`, terminal);
  addPolicyCommands(program, add, `${groups.approvals}:`, terminal);
  addCredentialCommands(program, add, `${groups.people}:`, terminal);
  addRegionCommands(program, add, setupGroup, terminal);
  addAuditCommands(program, add, `${groups.oversight}:`, terminal);
  addLoginCommands(program, add, setupGroup, terminal);
  addServerCommands(program, add, terminal);
  return program;
}

/** Help lists the groups in the order of their first commands. */
function inHelpOrder(): Operation[] {
  const operations = commandOperations();
  return Object.keys(groups).flatMap((group) => operations.filter((operation) => operation.group === group));
}

/** Throws wrong usage as an error in this project's words. commander would print it and exit. */
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

import type { Command } from 'commander';
import { fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { plainWords, render, say, task } from '../core/base/prose.ts';
import { looksLikeToken } from '../core/base/secret-shapes.ts';
import { operations } from '../core/operations/catalogue.ts';
import { chooseServer } from './choose-server.ts';
import { program as programName } from './names.ts';
import { operationCommand } from './operation-command.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { readSecret } from './read-secret.ts';
import { runOperation } from './run-operation.ts';
import { commandSpeaker } from './speaker.ts';
import { jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

const addExamples = `
Examples:
  ${programName} credential add hub-main
  ${programName} credential add team-hub --shared < token.txt`;

/**
 * `ecolink credential add` and `ecolink key rotate`. They are no operations, because a secret must not pass through a
 * model or a chat.
 */
export function addCredentialCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const credential = add(program, 'credential').helpGroup(group);
  credential
    .summary('Store, list and delete Hugging Face tokens')
    .description('Stored tokens are encrypted. Models name them; nobody can read them back.');
  add(credential, 'add')
    .summary('Store a token, or replace its value')
    .description(
      'Asks for the token, or reads it from standard input. It is never an argument: other programs could read it. The same name again replaces the value.',
    )
    .argument('<name>', 'The name that models use for it.')
    .option('--shared', 'Let the whole team use it, by its name.')
    .option('--no-shared', 'Keep it to yourself again.')
    .option(...jsonFlag)
    .addHelpText('after', addExamples)
    .action((name: string, options: { shared?: boolean }, command: Command) =>
      addCredential(name, options.shared, wantsJson(command), terminal),
    );
  const verbs = { list: operations.list_credentials, delete: operations.delete_credential };
  for (const [verb, operation] of Object.entries(verbs)) {
    const command = operationCommand(operation, add(credential, verb), (request) => runOperation(request, terminal));
    command.helpGroup('Commands:');
  }
  const key = add(program, 'key').helpGroup(group);
  key
    .summary('Rotate the key that seals the stored credentials')
    .description('The key lies outside the data folder. Without it nobody can read the stored credentials.');
  add(key, 'rotate')
    .summary('Seal everything with a new key, and forget the old one')
    .description('Works while the server runs. If it is killed, nothing is lost: run it again, and it continues.')
    .option(...jsonFlag)
    .action((_, command: Command) => rotateKey(wantsJson(command), terminal));
}

/** Runs before anything else reads the arguments. Other programs and the shell's history have seen them already. */
export function refuseTokens(argv: readonly string[]): void {
  if (!argv.some(looksLikeToken)) return;
  throw fail('token_in_input', 'An argument holds a token. It was not stored or logged here.', {
    nextStep: say`Revoke that token where it was made. Other programs can read the arguments of a command. Store a new one with ${task('add_credential')}, which asks for it.`,
  });
}

async function addCredential(
  name: string,
  shared: boolean | undefined,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  // Before somebody types a secret in vain.
  const { checkCredentialName } = await import('../core/doctor.ts');
  checkCredentialName(name);
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const value = await readSecret(`Hugging Face token for "${plainText(name)}" (it is not shown): `);
  const added = await server.credentials.add({ name, value, shared });
  if (json) return terminal.out(jsonText({ ...added, next_step: plainWords(added.next_step) }));
  const { state, account, fingerprint } = added;
  terminal.out(
    `Credential ${plainText(name)} ${state}: a token of ${plainText(account)} on the Hub (fingerprint ${fingerprint})${added.shared ? ', shared with the team' : ''}.`,
  );
  terminal.err(plainText(render(added.next_step, commandSpeaker())));
}

async function rotateKey(json: boolean, terminal: Terminal): Promise<void> {
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const rotated = await server.credentials.rotateKey();
  if (json) return terminal.out(jsonText({ ...rotated, next_step: plainWords(rotated.next_step) }));
  terminal.out(
    `${rotated.rows} ${rotated.rows === 1 ? 'credential is' : 'credentials are'} sealed with the key ${rotated.key} now.`,
  );
  terminal.err(plainText(render(rotated.next_step, commandSpeaker())));
}

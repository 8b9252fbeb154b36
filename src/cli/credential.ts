import type { Command } from 'commander';
import { checkCredentialName } from '../core/access/credentials/credential-manager.ts';
import { fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { plainWords } from '../core/base/prose.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import { looksLikeToken } from '../core/base/secret-shapes.ts';
import { operationCommand } from './operation-command.ts';
import { asNextStep } from './names.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { reach } from './choose-server.ts';
import { readSecret } from './read-secret.ts';
import { runOperation } from './run-operation.ts';

type Add = (parent: Command, name: string) => Command;

const addExamples = `
Examples:
  ecolink credential add hub-main
  ecolink credential add team-hub --shared < token.txt`;

/** `ecolink credential add` and `ecolink key rotate`: not operations, since a value never passes through a model or a chat. */
export function addCredentialCommands(program: Command, add: Add, group: string, terminal: Terminal): void {
  const credential = add(program, 'credential').helpGroup(group);
  credential
    .summary('Store, list and delete Hugging Face tokens')
    .description('Stored tokens are encrypted and go by their names; nobody reads them back.');
  add(credential, 'add')
    .summary('Store a token, or replace its value')
    .description(
      'Asks for the token, or reads it from standard input; it is never an argument, which other programs could read. The same name again replaces the value.',
    )
    .argument('<name>', 'What models name it by.')
    .option('--shared', 'Let the whole team use it, by its name.')
    .option('--no-shared', 'Keep it to yourself again.')
    .option('--json', 'Print exactly the output, as JSON, and nothing else.')
    .addHelpText('after', addExamples)
    .action((name: string, options: { shared?: boolean }, command: Command) =>
      addCredential(name, options.shared, wantsJson(command), terminal),
    );
  for (const [verb, name] of [
    ['list', 'list_credentials'],
    ['delete', 'delete_credential'],
  ] as const) {
    const operation = findOperation(name);
    if (!operation) continue;
    operationCommand(operation, add(credential, verb), (request) => runOperation(request, terminal)).helpGroup(
      'Commands:',
    );
  }
  const key = add(program, 'key').helpGroup(group);
  key
    .summary('Rotate the key that seals the stored credentials')
    .description('The key lies outside the data folder: without it nobody can open what is stored.');
  add(key, 'rotate')
    .summary('Seal everything with a new key, and forget the old one')
    .description(
      'Works while the server runs. Killed midway, it loses nothing: run it again, and it goes on from there.',
    )
    .option('--json', 'Print exactly the output, as JSON, and nothing else.')
    .action((_, command: Command) => rotateKey(wantsJson(command), terminal));
}

/** Before anything else looks at them: other programs and the shell's history have seen the arguments already. */
export function refuseTokens(argv: readonly string[]): void {
  if (!argv.some(looksLikeToken)) return;
  throw fail('token_in_input', 'An argument holds the value of a token. It was not stored or logged here.', {
    nextStep:
      'Revoke that token where it was made: the arguments of a command are there for others to read. "ecolink credential add <name>" asks for one instead.',
  });
}

function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

async function addCredential(
  name: string,
  shared: boolean | undefined,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  // Before anybody types a secret for nothing.
  checkCredentialName(name);
  await using reached = await reach({ withoutServer: true });
  const value = await readSecret(`Hugging Face token for "${plainText(name)}" (it is not shown): `);
  const added = await reached.credentials.add({ name, value, ...(shared === undefined ? {} : { shared }) });
  if (json) return terminal.out(jsonText({ ...added, next_step: plainWords(added.next_step) }));
  const { state, account, fingerprint } = added;
  terminal.out(
    `Credential ${plainText(name)} ${state}: a token of ${plainText(account)} on the Hub (fingerprint ${fingerprint})${added.shared ? ', shared with the team' : ''}.`,
  );
  terminal.err(asNextStep(plainText(plainWords(added.next_step))));
}

async function rotateKey(json: boolean, terminal: Terminal): Promise<void> {
  await using reached = await reach({ withoutServer: true });
  const rotated = await reached.credentials.rotateKey();
  if (json) return terminal.out(jsonText({ ...rotated, next_step: plainWords(rotated.next_step) }));
  terminal.out(
    `${rotated.rows} ${rotated.rows === 1 ? 'credential is' : 'credentials are'} sealed with the key ${rotated.key} now.`,
  );
  terminal.err(plainText(plainWords(rotated.next_step)));
}

import type { Command } from 'commander';
import { scopes } from '../core/base/caller.ts';
import type { Scope } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { nearest } from '../core/base/nearest.ts';
import type { TokenSummary } from '../core/core.ts';
import { chooseServer } from './choose-server.ts';
import { program as programName } from './names.ts';
import { jsonText } from './output/json.ts';
import { table } from './output/table.ts';
import type { Terminal } from './output/terminal.ts';
import { jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

interface CreateOptions {
  scope?: Scope[];
  agent?: boolean;
  mayDecide?: boolean;
  expiresIn?: string;
}

const createExamples = `
Examples:
  ${programName} token create my-app
  ${programName} token create dashboard --scope read --scope call
  ${programName} token create my-assistant --scope operate --agent`;

/** `ecolink token create|list|revoke`. They are no operations, because a token must not pass through a model or a chat. */
export function addTokenCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const token = add(program, 'token').helpGroup(group);
  token
    .summary('Make, list and revoke API tokens')
    .description('Tokens let programs call models and operations. A token is shown once, when it is made.');
  const withJson = (name: string, about: string): Command =>
    add(token, name)
      .summary(about)
      .description(about)
      .option(...jsonFlag);
  withJson('create', 'Make a token and show it once')
    .argument('<name>', 'What it is for, such as the name of the app.')
    .option(
      '--scope <scope>',
      `What it may be used for: ${scopes.join(', ')}. Repeat the flag for more than one; "call" unless given.`,
      (value: string, before: Scope[] | undefined) => [...(before ?? []), scopeOf(value)],
    )
    .option('--agent', 'For an assistant that acts for you: it can ask, never decide.')
    .option('--may-decide', 'Approvals given with it count. Not for an agent.')
    .option(
      '--expires-in <duration>',
      'How long it is valid, such as 8h or 30d. Default: what ecolink.yaml says, or 90d.',
    )
    .addHelpText('after', createExamples)
    .action((name: string, options: CreateOptions, command: Command) =>
      create(name, options, wantsJson(command), terminal),
    );
  withJson('list', 'List the tokens, without their values').action((_, command: Command) =>
    list(wantsJson(command), terminal),
  );
  withJson('revoke', 'Make a token and those that it made invalid, at once')
    .argument('<token>', `Its id or name, as "${programName} token list" shows them.`)
    .action((idOrName: string, _, command: Command) => revoke(idOrName, wantsJson(command), terminal));
}

function scopeOf(value: string): Scope {
  const scope = scopes.find((each) => each === value);
  if (scope !== undefined) return scope;
  const near = nearest(value, scopes);
  throw fail('bad_field', `There is no scope "${value}".${near ? ` Did you mean "${near}"?` : ''}`, {
    nextStep: `Use one or more of: ${scopes.join(', ')}.`,
    field: 'scope',
    validValues: scopes,
  });
}

async function create(name: string, options: CreateOptions, json: boolean, terminal: Terminal): Promise<void> {
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const { scope = ['call'], agent, mayDecide, expiresIn } = options;
  const made = await server.tokens.create({
    name,
    scopes: scope,
    agent,
    may_decide: mayDecide,
    expires_in: expiresIn,
  });
  if (json) return terminal.out(jsonText(made, 2));
  // Only the value is on standard output: TOKEN=$(ecolink token create my-app)
  terminal.out(made.token);
  terminal.err(
    `Token ${plainText(made.summary.name)} (${[...made.summary.scopes, ...kindOf(made.summary)].join(', ')})${validUntil(made.summary)}. Keep it: it is not shown again.`,
  );
}

function validUntil({ expires_at: expires }: TokenSummary): string {
  return expires === undefined ? '' : `, valid until ${plainText(expires)}`;
}

function kindOf({ agent, may_decide: mayDecide }: TokenSummary): string[] {
  return [...(agent ? ['an agent'] : []), ...(mayDecide ? ['may decide'] : [])];
}

async function list(json: boolean, terminal: Terminal): Promise<void> {
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const items = await server.tokens.list();
  if (json) return terminal.out(jsonText({ items }, 2));
  if (items.length === 0) return terminal.out(`Nothing to show. Make a token: ${programName} token create <name>`);
  const columns = [
    'id',
    'name',
    'person',
    'scopes',
    'agent',
    'may_decide',
    'created_at',
    'expires_at',
    'made_by',
    'last_used_at',
  ];
  const names = new Map(items.map(({ id, name }) => [id, name]));
  const named = (id: string): string => names.get(id) ?? id;
  const rows = items.map((item) => ({
    ...item,
    expires_at: item.expires_at ?? 'never',
    made_by: item.made_by && named(item.made_by),
  }));
  terminal.out(table(columns, rows, { width: terminal.width, now: Date.now() }));
}

async function revoke(idOrName: string, json: boolean, terminal: Terminal): Promise<void> {
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const revoked = await server.tokens.revoke(idOrName);
  if (json) return terminal.out(jsonText(revoked, 2));
  terminal.out(`Token ${plainText(revoked.name)} is revoked.`);
  if (revoked.also_revoked.length > 0)
    terminal.out(`The tokens that it made are revoked, too: ${plainText(revoked.also_revoked.join(', '))}.`);
}

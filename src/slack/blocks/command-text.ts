import { closest } from 'fastest-levenshtein';
import type { Operation } from '../../core/operation/operation.ts';
import { catalogue } from '../../core/operations/catalogue.ts';
import { commandName } from './speaker.ts';
import { code, section } from './text.ts';
import type { SlackMessage } from './text.ts';

/** What people type after `/ecolink`. The definitions of the operations say which operations a subcommand reaches. */
export const subcommands = [
  { name: 'register', usage: 'register [name]', about: 'Register a model from Hugging Face or a shared filesystem' },
  { name: 'launch', usage: 'launch [model]', about: 'Launch a registered model and follow it here' },
  { name: 'status', usage: 'status [instance]', about: 'Show the instances, or one of them in full' },
  { name: 'extend', usage: 'extend [instance]', about: 'Give an instance more time before it stops by itself' },
  {
    name: 'approvals',
    usage: 'approvals [request]',
    about: 'Show the requests that wait for approval, or one of them with its buttons',
  },
  { name: 'people', usage: 'people', about: 'Show who has which role, for admins' },
  { name: 'role', usage: 'role @person <role>', about: 'Give somebody a role, or remove it with `none`, for admins' },
  { name: 'claim', usage: 'claim <code>', about: 'Become the first admin, with the code that the server printed' },
  {
    name: 'credential',
    usage: 'credential [add <name> | delete <name>]',
    about: 'Show your Hugging Face tokens by name, or store one on a page of your own',
  },
  {
    name: 'token',
    usage: 'token [list | revoke <name>]',
    about: 'Make an EcoLink token, on a page of your own, for the command line or an AI assistant',
  },
  { name: 'help', usage: 'help', about: 'Show this' },
] as const satisfies { name: string; usage: string; about: string }[];

export type Subcommand = (typeof subcommands)[number];
export type SubcommandName = Subcommand['name'];

/** The operations that a subcommand reaches. */
export function coveredBy(name: SubcommandName): Operation[] {
  return catalogue.filter(({ slack }) => slack && 'verb' in slack && slack.verb.split(' ')[0] === name);
}

/** The operation whose form a subcommand opens. */
export function formOf(name: SubcommandName): Operation | undefined {
  return coveredBy(name).find(({ slack }) => slack && 'form' in slack && slack.form);
}

export interface ParsedCommand {
  subcommand: Subcommand | undefined;
  /** The word after `/ecolink` as it was typed. Empty if there is none. */
  word: string;
  /** What follows the subcommand. */
  rest: string;
}

export function parseCommand(text: string): ParsedCommand {
  const [word = '', ...rest] = asTyped(text).trim().split(/\s+/);
  const wanted = word.toLowerCase() || 'help';
  return { subcommand: subcommands.find(({ name }) => name === wanted), word, rest: rest.join(' ') };
}

/**
 * The manifest lets Slack replace `@ada` by `<@U0456|ada>`, which names the account for certain. Slack replaces links,
 * channels and `&` too: we undo that, because a model may be called `bge.m3`, which looks like a link.
 */
function asTyped(text: string): string {
  return text
    .replace(/<#[A-Z0-9]+\|([^>]*)>/g, '#$1')
    .replace(/<(?![@#!])[^|>]*\|([^>]*)>/g, '$1')
    .replace(/<(?![@#!])([^>]*)>/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

export function helpMessage(): SlackMessage {
  const lines = subcommands.map(({ usage, about }) => `${code(`${commandName} ${usage}`)}  ${about}`);
  return { text: 'What EcoLink can do here', blocks: [section(['*What EcoLink can do here*', ...lines].join('\n'))] };
}

export function unknownMessage(word: string): SlackMessage {
  const nearest = closest(
    word.toLowerCase(),
    subcommands.map(({ name }) => name),
  );
  const text = `There is no ${code(`${commandName} ${word.slice(0, 40)}`)}. Did you mean ${code(`${commandName} ${nearest}`)}?`;
  return { text, blocks: [section(text), ...helpMessage().blocks] };
}

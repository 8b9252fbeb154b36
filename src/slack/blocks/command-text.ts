import { closest } from 'fastest-levenshtein';
import { findOperation } from '../../core/operations/catalogue.ts';
import { code, section } from './text.ts';
import type { SlackMessage } from './text.ts';

export const commandName = '/ecolink';

/** What can stand behind `/ecolink`. The first of its operations, where it has a form, is what the form runs. */
export const subcommands = [
  {
    name: 'register',
    usage: 'register [name]',
    about: 'Register a model from Hugging Face or a shared filesystem',
    form: 'register_model',
    covers: ['register_model'],
  },
  {
    name: 'launch',
    usage: 'launch [model]',
    about: 'Launch a registered model and follow it here',
    form: 'launch_instance',
    covers: ['launch_instance'],
  },
  {
    name: 'status',
    usage: 'status [instance]',
    about: 'Show the instances, or one of them in full',
    covers: ['get_instance', 'list_instances'],
  },
  {
    name: 'extend',
    usage: 'extend [instance]',
    about: 'Give an instance more time before it stops by itself',
    form: 'extend_instance',
    covers: ['extend_instance'],
  },
  {
    name: 'approvals',
    usage: 'approvals [request]',
    about: 'Show the requests that wait for approval, or one of them with its buttons',
    covers: ['get_approval', 'list_approvals'],
  },
  {
    name: 'people',
    usage: 'people',
    about: 'Show who has which role, for admins',
    covers: ['list_people'],
  },
  {
    name: 'role',
    usage: 'role @person <role>',
    about: 'Give somebody a role, or take it away with `none`, for admins',
    covers: ['set_role'],
  },
  {
    name: 'claim',
    usage: 'claim <code>',
    about: 'Become the first admin, with the code that the server printed when it started',
    covers: [],
  },
  {
    name: 'credential',
    usage: 'credential [add <name> | delete <name>]',
    about: 'Show your Hugging Face tokens by name, or store one on a page of your own',
    covers: ['list_credentials', 'delete_credential'],
  },
  {
    name: 'token',
    usage: 'token [list | revoke <name>]',
    about: 'Make an EcoLink token, on a page of your own, for the command line or an AI assistant',
    covers: [],
  },
  { name: 'help', usage: 'help', about: 'Show this', covers: [] },
] as const satisfies { name: string; usage: string; about: string; form?: string; covers: readonly string[] }[];

export type Subcommand = (typeof subcommands)[number];

/**
 * Core's sentences name operations (`get_instance 3`); here they are what can be typed: `/ecolink status 3`, or the
 * command line's own name for what Slack does not have. `mark` sets them off, where there is markup.
 */
export function inSlackWords(text: string, mark: '`' | '' = '`'): string {
  return text.replace(/\b[a-z]+(?:_[a-z]+)+\b( [0-9]+\b)?/g, (found, number: string | undefined) => {
    const operation = number === undefined ? found : found.slice(0, -number.length);
    if (!findOperation(operation)) return found;
    const here = subcommands.find(({ covers }) => (covers as readonly string[]).includes(operation));
    const words = here ? `${commandName} ${here.name}` : `ecolink ${operation.replaceAll('_', '-')}`;
    return `${mark}${words}${number ?? ''}${mark}`;
  });
}

export interface ParsedCommand {
  subcommand: Subcommand | undefined;
  /** The word after `/ecolink` as it was typed; empty where there is none. */
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
 * The manifest lets Slack mark what it recognises, since only so `@ada` names an account for certain: `<@U0456|ada>`. All
 * else that it marks (links, channels, `&amp;`) is put back; a model may be called `bge.m3`, which reads like an address.
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

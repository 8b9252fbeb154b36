import { closest } from 'fastest-levenshtein';
import { code, section } from './text.ts';
import type { SlackMessage } from './text.ts';

export const commandName = '/ecolink';

/** What can stand behind `/ecolink`; those with an operation open its form. */
export const subcommands = [
  {
    name: 'register',
    usage: 'register [name]',
    about: 'Register a model from Hugging Face or a shared filesystem',
    operation: 'register_model',
  },
  {
    name: 'launch',
    usage: 'launch [model]',
    about: 'Launch a registered model and follow it here',
    operation: 'launch_instance',
  },
  { name: 'status', usage: 'status [instance]', about: 'Show the instances, or one of them in full' },
  { name: 'help', usage: 'help', about: 'Show this' },
] as const satisfies { name: string; usage: string; about: string; operation?: string }[];

export type Subcommand = (typeof subcommands)[number];

export interface ParsedCommand {
  subcommand: Subcommand | undefined;
  /** The word after `/ecolink` as it was typed; empty where there is none. */
  word: string;
  /** What follows the subcommand. */
  rest: string;
}

export function parseCommand(text: string): ParsedCommand {
  const [word = '', ...rest] = text.trim().split(/\s+/);
  const wanted = word.toLowerCase() || 'help';
  return { subcommand: subcommands.find(({ name }) => name === wanted), word, rest: rest.join(' ') };
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

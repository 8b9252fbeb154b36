import { distance } from 'fastest-levenshtein';
import { atLeast, roles } from '../../core/base/caller.ts';
import type { Role } from '../../core/base/caller.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { catalogue } from '../../core/operations/catalogue.ts';
import { commandName } from './speaker.ts';
import { code, note, section } from './text.ts';
import type { SlackMessage } from './text.ts';

/** The groups of the help, in their order. Strangers see the last one only. */
const helpGroups = {
  models: 'Models',
  instances: 'Instances',
  regions: 'Regions and cached weights',
  approvals: 'Approvals',
  you: 'Tokens',
  admin: 'Administration',
} as const;

interface SubcommandText {
  name: string;
  /** Absent: the help leaves it out. */
  group?: keyof typeof helpGroups;
  usage: string;
  about: string;
  aliases?: readonly string[];
  /** The lowest role that may use it, if it reaches no operation. */
  role?: Role;
}

/** What people type after `/ecolink`. The definitions of the operations say which operations a subcommand reaches. */
export const subcommands = [
  {
    name: 'register',
    group: 'models',
    usage: 'register [repository]',
    about: 'Add a model from Hugging Face or a folder',
  },
  { name: 'models', group: 'models', usage: 'models [name]', about: 'Models that you can launch' },
  {
    name: 'delete',
    group: 'models',
    usage: 'delete <model or instance>',
    about: 'Delete a model, or a stopped instance',
    aliases: ['rm'],
  },
  { name: 'launch', group: 'instances', usage: 'launch [model]', about: 'Plan and launch a model' },
  {
    name: 'instances',
    group: 'instances',
    usage: 'instances',
    about: 'What runs',
    aliases: ['ls', 'ps'],
  },
  { name: 'status', group: 'instances', usage: 'status [instance]', about: 'One instance in full' },
  { name: 'logs', group: 'instances', usage: 'logs <instance>', about: 'The last lines of its engine' },
  { name: 'extend', group: 'instances', usage: 'extend [instance]', about: 'More time before it stops' },
  { name: 'scale', group: 'instances', usage: 'scale [instance]', about: 'More or fewer replicas' },
  { name: 'restart', group: 'instances', usage: 'restart <instance>', about: 'Start it anew' },
  { name: 'stop', group: 'instances', usage: 'stop <instance>', about: 'Stop it and free its accelerators' },
  { name: 'regions', group: 'regions', usage: 'regions', about: 'Regions and their free accelerators' },
  { name: 'cache', group: 'regions', usage: 'cache', about: 'Weights that regions have already' },
  {
    name: 'approvals',
    group: 'approvals',
    usage: 'approvals [request]',
    about: 'Requests that wait',
    aliases: ['requests'],
  },
  { name: 'cancel', group: 'approvals', usage: 'cancel <request>', about: 'Take back a request of yours' },
  {
    name: 'breakglass',
    group: 'admin',
    usage: 'breakglass <request>',
    about: 'Run a request without its approvers, in an emergency',
    aliases: ['break-glass'],
    role: 'admin',
  },
  {
    name: 'credential',
    group: 'you',
    usage: 'credential [add <name> | delete <name>]',
    about: 'Your Hugging Face tokens',
    aliases: ['credentials'],
  },
  {
    name: 'token',
    group: 'you',
    usage: 'token [list | revoke <name>]',
    about: 'A token to call models, or for an assistant',
    aliases: ['tokens'],
    role: 'viewer',
  },
  { name: 'people', group: 'admin', usage: 'people', about: 'Who has which role' },
  { name: 'role', group: 'admin', usage: 'role @person <role>', about: 'Give a role, or `none`' },
  { name: 'doctor', group: 'admin', usage: 'doctor', about: 'Check regions and this Slack app', role: 'admin' },
  { name: 'claim', usage: 'claim <code>', about: 'Become the first admin', role: 'viewer' },
  { name: 'help', usage: 'help', about: 'Show this', role: 'viewer' },
] as const satisfies SubcommandText[];

export type SubcommandName = (typeof subcommands)[number]['name'];
export type Subcommand = SubcommandText & { name: SubcommandName };

const all: readonly Subcommand[] = subcommands;

/** The operations that a subcommand reaches. */
export function coveredBy(name: SubcommandName): Operation[] {
  return catalogue.filter(({ slack }) => slack && 'verb' in slack && slack.verb.split(' ')[0] === name);
}

/** The operation whose form a subcommand opens. */
export function formOf(name: SubcommandName): Operation | undefined {
  return coveredBy(name).find(({ slack }) => slack && 'form' in slack && slack.form);
}

/** Whether somebody with this role may use the subcommand for anything. */
export function mayUse({ name, role: needed }: Subcommand, role: Role): boolean {
  if (needed !== undefined) return atLeast(role, needed);
  const steps = coveredBy(name).filter(({ slack }) => !(slack && 'step' in slack && slack.step));
  const lowest = roles.find((each) => steps.some((operation) => operation.role === each));
  return lowest !== undefined && atLeast(role, lowest);
}

export interface ParsedCommand {
  subcommand: Subcommand | undefined;
  /** The word after `/ecolink` as it was typed. Empty if there is none. */
  word: string;
  /** What follows the subcommand. */
  rest: string;
}

export function parseCommand(text: string): ParsedCommand {
  const [word = '', ...rest] = asTyped(text).trim().split(/\s+/).map(withoutFormatting);
  const wanted = word.toLowerCase() || 'help';
  const subcommand = all.find(({ name, aliases = [] }) => name === wanted || aliases.includes(wanted));
  return { subcommand, word, rest: rest.join(' ') };
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

/** The word without the marks that people paste with it: `*launch*`, `_tiny_`, `` `tiny` ``. Quotes stay. */
function withoutFormatting(word: string): string {
  const bare = word.replaceAll(/^[*_~`]+|[*_~`]+$/g, '');
  return bare === '' ? word : bare;
}

/** The help for somebody with this role: only what they may do, in groups. */
export function helpMessage(role: Role): SlackMessage {
  const usable = all.filter((each) => mayUse(each, role));
  const groups = Object.entries(helpGroups).flatMap(([group, title]) => {
    const lines = usable.filter((each) => each.group === group).map(({ usage, about }) => `${code(usage)}  ${about}`);
    return lines.length === 0 ? [] : [section([`*${title}*`, ...lines].join('\n'))];
  });
  const examples = usable.some(({ name }) => name === 'launch')
    ? ['launch', 'launch llama 2xh100 eu-west 8h "demo"', 'status 3']
    : ['models', 'status 3'];
  return {
    text: 'What you can do with EcoLink',
    blocks: [
      section(`Type ${code(commandName)} and one of these words. Only you see the answers.`),
      ...groups,
      note(`Examples: ${examples.map((each) => code(`${commandName} ${each}`)).join('  ')}`),
    ],
  };
}

/** For a word that is no subcommand: the nearest one if it is near, and the help. */
export function unknownMessage(word: string, role: Role): SlackMessage {
  const near = nearestUsable(word.toLowerCase(), role);
  const asked = near === undefined ? '' : ` Did you mean ${code(`${commandName} ${near}`)}?`;
  const text = `There is no ${code(`${commandName} ${word.slice(0, 40)}`)}.${asked}`;
  return { text, blocks: [section(text), ...helpMessage(role).blocks] };
}

/** More changes than this make another word. */
const longestDistance = 2;

function nearestUsable(word: string, role: Role): string | undefined {
  const words = all.filter((each) => mayUse(each, role)).flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const ranked = words
    .map((each) => ({ each, far: distance(word, each) }))
    // A short word is not near to everything: `zz` is not `ps`.
    .filter(({ each, far }) => far <= longestDistance && far < each.length)
    .toSorted((a, b) => a.far - b.far);
  return ranked[0]?.each;
}

import { z } from 'zod';

/** An operation to run, with the input that is known. */
export interface OperationReference {
  operation: string;
  input?: Readonly<Record<string, OperationArgument>> | undefined;
  /** True: this is the call to make next. A program may make it as it stands. */
  next?: boolean | undefined;
}
export type OperationArgument = string | number | boolean | readonly string[];

/** A field of the operation's input, and perhaps a value for it. */
export interface FieldReference {
  field: string;
  value?: string | undefined;
}

/** Something that people do and no operation does. A newer server may send a task that this process does not know. */
export interface TaskReference {
  task: string;
  /** What the task is about, such as the name of a credential. */
  about?: string | undefined;
}

export const tasks = [
  'add_credential',
  'add_region',
  'approve_at_terminal',
  'create_agent_token',
  'create_call_token',
  'create_operate_token',
  'create_read_token',
  'list_tokens',
  'rotate_credential_key',
  'run_doctor',
  'start_server',
  'write_kubeconfig',
] as const;
export type Task = (typeof tasks)[number];

/** A task that front ends have words for. */
export interface KnownTask extends TaskReference {
  task: Task;
}

export type ProsePart = string | OperationReference | FieldReference | TaskReference;

/**
 * A text for people. Its references are data, because core names no front end: the command line says
 * `ecolink list-regions`, an assistant reads `list_regions`, Slack says `/ecolink regions`. A plain string is a text
 * without references.
 */
export type Prose = string | readonly ProsePart[];

/** Stored and sent texts. A row of an older version holds a plain string. */
export const proseSchema: z.ZodType<Prose> = z.union([
  z.string(),
  z.array(
    z.union([
      z.string(),
      z.object({
        operation: z.string(),
        input: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional(),
        next: z.boolean().optional(),
      }),
      z.object({ field: z.string(), value: z.string().optional() }),
      z.object({ task: z.string(), about: z.string().optional() }),
    ]),
  ),
]);

/** Writes a text with references: say`Stop it first: ${run('stop_instance', { instance: 3 })}.` */
export function say(texts: TemplateStringsArray, ...values: readonly (Prose | ProsePart | number)[]): Prose {
  const parts = texts.flatMap((text, index) => [text, ...partsOf(values[index] ?? '')]);
  return parts.every((part) => typeof part === 'string') ? parts.join('') : merged(parts);
}

/** Refers to an operation, with the fields of its input that are not undefined. */
export function run(
  operation: string,
  input: Readonly<Record<string, OperationArgument | undefined>> = {},
): OperationReference {
  const given: Record<string, OperationArgument> = {};
  for (const [name, value] of Object.entries(input)) if (value !== undefined) given[name] = value;
  return Object.keys(given).length === 0 ? { operation } : { operation, input: given };
}

/** Refers to the operation to run next. A text has at most one. Without one, a person must act or nothing is left to do. */
export function runNext(
  operation: string,
  input: Readonly<Record<string, OperationArgument | undefined>> = {},
): OperationReference {
  return { ...run(operation, input), next: true };
}

/** The operation that a text says to run next, as data for buttons, commands and tools. */
export function nextOf(text: Prose): OperationReference | undefined {
  for (const part of partsOf(text)) if (typeof part !== 'string' && 'operation' in part && part.next) return part;
  return undefined;
}

/** Refers to an input field by its name. */
export function fieldRef(field: string, value?: string): FieldReference {
  return { field, value };
}

/** Refers to a task that is no operation. */
export function task(name: Task, about?: string): KnownTask {
  return { task: name, about };
}

/** Joins texts with spaces. Empty ones are left out. */
export function sentences(...texts: readonly Prose[]): Prose {
  return texts.filter((text) => text.length > 0).reduce((all, text) => (all === '' ? text : say`${all} ${text}`), '');
}

/** The text with its strings changed, those in references too. */
export function mapText(text: Prose, change: (text: string) => string): Prose {
  if (typeof text === 'string') return change(text);
  return text.map((part) => {
    if (typeof part === 'string') return change(part);
    if ('operation' in part) return { ...part, input: part.input && mapArguments(part.input, change) };
    if ('task' in part) return { ...part, about: part.about === undefined ? undefined : change(part.about) };
    return { ...part, value: part.value === undefined ? undefined : change(part.value) };
  });
}

function mapArguments(
  input: Readonly<Record<string, OperationArgument>>,
  change: (text: string) => string,
): Record<string, OperationArgument> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      if (typeof value === 'string') return [name, change(value)];
      return [name, typeof value === 'object' ? value.map(change) : value];
    }),
  );
}

/** The words of one front end for references. */
export interface Speaker {
  operation(reference: OperationReference): string;
  field(reference: FieldReference): string;
  task(reference: KnownTask): string;
}

/** The text in a front end's words. */
export function render(text: Prose, speaker: Speaker): string {
  return partsOf(text)
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('operation' in part) return speaker.operation(part);
      return 'task' in part ? renderTask(part, speaker) : speaker.field(part);
    })
    .join('');
}

function renderTask({ task: name, about }: TaskReference, speaker: Speaker): string {
  const known = tasks.find((each) => each === name);
  return known === undefined ? withAbout(name.replaceAll('_', ' '), about) : speaker.task({ task: known, about });
}

const taskWords: Record<Task, string> = {
  add_credential: 'store a Hugging Face token',
  add_region: 'add the region',
  approve_at_terminal: "decide at the server's own terminal",
  create_agent_token: 'make a token for an assistant',
  create_call_token: 'make a token with the scope "call"',
  create_operate_token: 'make a token with the scope "operate"',
  create_read_token: 'make a token with the scope "read"',
  list_tokens: 'list the tokens',
  rotate_credential_key: 'rotate the key of the credentials',
  run_doctor: 'run the doctor on the server',
  start_server: 'start the server',
  write_kubeconfig: 'write a kubeconfig without a helper program',
};

/** Words for logs, stored reasons and HTTP clients. Operations have their own names. */
export const plainSpeaker: Speaker = {
  operation: ({ operation, input }) => {
    const given = Object.entries(input ?? {}).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    return given.length === 0 ? operation : `${operation} (${given.join(', ')})`;
  },
  field: ({ field, value }) => (value === undefined ? `"${field}"` : `"${field}": ${JSON.stringify(value)}`),
  task: ({ task: name, about }) => withAbout(taskWords[name], about),
};

function withAbout(words: string, about: string | undefined): string {
  return about === undefined ? words : `${words} (${about})`;
}

/** The text in the words of `plainSpeaker`. */
export function plainWords(text: Prose): string {
  return render(text, plainSpeaker);
}

function partsOf(text: Prose | ProsePart | number): readonly ProsePart[] {
  if (typeof text === 'string') return [text];
  if (typeof text === 'number') return [String(text)];
  // A reference has no length. Array.isArray() would not narrow a readonly array.
  return 'length' in text ? text : [text];
}

/** Joins adjacent strings and leaves empty ones out. */
function merged(parts: readonly ProsePart[]): ProsePart[] {
  const out: ProsePart[] = [];
  for (const part of parts) {
    const last = out.at(-1);
    if (typeof part === 'string' && typeof last === 'string') out[out.length - 1] = last + part;
    else if (part !== '') out.push(part);
  }
  return out;
}

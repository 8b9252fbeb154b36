import { render } from '../../core/base/prose.ts';
import type {
  FieldReference,
  KnownTask,
  OperationArgument,
  OperationReference,
  Prose,
  Speaker,
  Task,
} from '../../core/base/prose.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { catalogue, findOperation } from '../../core/operations/catalogue.ts';
import { escape } from './text.ts';

export const commandName = '/ecolink';

/** How words are set off from the text around them. */
interface Marks {
  code: (text: string) => string;
  title: (text: string) => string;
}

const markupMarks: Marks = {
  // A backtick inside would end the code early.
  code: (text) => `\`${text.replaceAll('`', 'ˋ')}\``,
  title: (text) => `*${text}*`,
};
const plainMarks: Marks = { code: (text) => text, title: (text) => `"${text}"` };

/** The text as Slack's markup, escaped. `operation`: the one that the text is about; its fields have its labels. */
export function slackMarkup(text: Prose, operation?: Operation): string {
  return escape(render(text, speaker(markupMarks, operation)));
}

/** The text without markup: for field errors, hints and notifications. Not escaped. */
export function slackWords(text: Prose, operation?: Operation): string {
  return render(text, speaker(plainMarks, operation));
}

function speaker(marks: Marks, operation: Operation | undefined): Speaker {
  return {
    operation: (reference) => operationWords(reference, marks),
    field: (reference) => fieldWords(reference, operation, marks),
    task: (reference) => taskWords(reference, marks),
  };
}

/** Operations that Slack does not have go by their title; operations of a newer server by their name. */
function operationWords({ operation: name, input = {} }: OperationReference, marks: Marks): string {
  const operation = findOperation(name);
  if (!operation) return marks.title(inWords(name));
  const { slack, title } = operation;
  if (slack && 'verb' in slack) {
    const typed = slack.step ? formBehind(slack.verb) : operation;
    return marks.code([commandName, slack.verb, ...(typed ? typedArguments(typed, input) : [])].join(' '));
  }
  return slack && 'button' in slack ? `the button "${slack.button}"` : marks.title(title);
}

/** The operation whose form a verb opens. It runs the steps of its verb on the way. */
function formBehind(verb: string): Operation | undefined {
  return catalogue.find(({ slack }) => slack && 'verb' in slack && slack.verb === verb && slack.form);
}

/** What people type after the verb. A form asks for everything but the positional field. */
function typedArguments(operation: Operation, input: Readonly<Record<string, OperationArgument>>): string[] {
  const form = operation.slack && 'form' in operation.slack;
  const typed: string[] = [];
  for (const { name, positional, required } of inputFields(operation)) {
    if (!positional && (form || !required)) continue;
    const value = input[name];
    if (value === undefined || typeof value === 'object') break;
    typed.push(String(value));
  }
  return typed;
}

function fieldWords({ field: name, value }: FieldReference, operation: Operation | undefined, marks: Marks): string {
  const label = labelOf(name, operation === undefined ? catalogue : [operation, ...catalogue]);
  return value === undefined ? marks.title(label) : `${marks.title(label)} ${marks.code(value)}`;
}

function labelOf(name: string, operations: readonly Operation[]): string {
  for (const operation of operations) {
    const field = inputFields(operation).find((each) => each.name === name);
    if (field) return field.label;
  }
  return inWords(name);
}

function inWords(name: string): string {
  return name.replaceAll(/[_-]/g, ' ');
}

type TaskWords = (about: string | undefined, marks: Marks) => string;

const command =
  (words: (about: string | undefined) => string, more = ''): TaskWords =>
  (about, { code }) =>
    code(`${commandName} ${words(about)}`) + more;

const request =
  (what: (about: string | undefined) => string): TaskWords =>
  (about) =>
    `ask whoever runs the server to ${what(about)}`;

const token = (more: string): TaskWords => command(() => 'token', `, ${more}`);

const words: Record<Task, TaskWords> = {
  add_credential: command((name = '<name>') => `credential add ${name}`),
  add_region: request((name) => `add the region${name === undefined ? '' : ` ${name}`}`),
  approve_at_terminal: request(() => 'decide at its own terminal'),
  create_agent_token: token('for an assistant'),
  create_call_token: token('with the scope "call"'),
  create_operate_token: token('with the scope "operate"'),
  create_read_token: token('with the scope "read"'),
  list_tokens: command(() => 'token list'),
  rotate_credential_key: request(() => 'rotate the key of the credentials'),
  run_doctor: request(() => 'run the doctor'),
  start_server: request(() => 'start it'),
  write_kubeconfig: request(
    (region) => `write a kubeconfig without a helper program${region === undefined ? '' : ` for the region ${region}`}`,
  ),
};

function taskWords({ task, about }: KnownTask, marks: Marks): string {
  return words[task](about, marks);
}

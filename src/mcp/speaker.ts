import { plainSpeaker } from '../core/base/prose.ts';
import type { KnownTask, OperationReference, Speaker } from '../core/base/prose.ts';
import { catalogue, findOperation } from '../core/operations/catalogue.ts';
import type { Operation } from '../core/operation/operation.ts';

/** The operations that are tools. */
export const toolOperations: readonly Operation[] = catalogue.filter(({ frontEnds }) => frontEnds.includes('mcp'));

const toolNames: ReadonlySet<string> = new Set(toolOperations.map(({ name }) => name));

export function isTool(operation: string): boolean {
  return toolNames.has(operation);
}

/** The words for assistants: operations are tools, fields are JSON keys, and people do the rest. */
export const assistantSpeaker: Speaker = {
  operation: (reference) => (isTool(reference.operation) ? plainSpeaker.operation(reference) : forPeople(reference)),
  field: (reference) => plainSpeaker.field(reference),
  task: ({ task, about }) => `ask your user to ${taskWords[task](about)}`,
};

/** An operation that is not a tool. A newer server may name one that this process does not know. */
function forPeople({ operation, input }: OperationReference): string {
  const title = findOperation(operation)?.title ?? operation.replaceAll('_', ' ');
  const given = Object.entries(input ?? {}).map(([name, value]) => `${name}: ${JSON.stringify(value)}; `);
  return `"${title}" (${given.join('')}a person does this)`;
}

/** Completes "ask your user to …". `about` is what the task is about, such as the name of a credential. */
const taskWords: Record<KnownTask['task'], (about: string | undefined) => string> = {
  // An assistant must not ask for the value.
  add_credential: (name) => `store a Hugging Face token${named(name)} at a terminal, never in this chat`,
  add_region: (name) => `add the region${named(name)} with EcoLink's command line`,
  approve_at_terminal: (approval) =>
    `decide on ${approval === undefined ? 'the approval request' : `approval request ${approval}`} at the server's own terminal`,
  create_agent_token: (name) => `make a token${named(name)} for an assistant`,
  create_call_token: (name) => `make a token${named(name)} with the scope "call"`,
  create_operate_token: (name) => `make a token${named(name)} with the scope "operate"`,
  create_read_token: (name) => `make a token${named(name)} with the scope "read"`,
  list_tokens: () => "list the tokens with EcoLink's command line",
  rotate_credential_key: () => 'rotate the key that encrypts the credentials',
  run_doctor: () => "run EcoLink's doctor on the server",
  start_server: () => 'start the EcoLink server',
  write_kubeconfig: (region) =>
    `write a kubeconfig without a helper program${region === undefined ? '' : ` for the region "${region}"`}`,
};

function named(name: string | undefined): string {
  return name === undefined ? '' : ` named "${name}"`;
}

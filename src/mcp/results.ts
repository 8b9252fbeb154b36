import { randomUUID } from 'node:crypto';
import type { CallToolResult } from '@modelcontextprotocol/server';
import { asEcolinkError } from '../core/base/errors.ts';
import { nextOf, proseSchema } from '../core/base/prose.ts';
import { renderOutput } from '../core/operation/render-output.ts';
import type { Operation } from '../core/operation/operation.ts';
import { exampleFor } from './arguments.ts';
import { safeObject, untrustedFields } from './boundary.ts';
import { shortLogs } from './short-logs.ts';
import { assistantSpeaker, isTool } from './speaker.ts';

/** Valid values that one error lists. More cost tokens and help nobody. */
const mostValues = 10;

/** Takes a thrown value that is not an EcolinkError. The assistant sees only the reference. */
export type ReportUnexpected = (thrown: unknown, reference: string) => void;

/**
 * The output twice, because some clients show the model the text and others the structured content. `output` may have
 * texts with references, as `execute` and the server's own clients get them.
 */
export function successResult({ name, output: schema }: Operation, output: Record<string, unknown>): CallToolResult {
  const rendered = renderOutput(schema, output, assistantSpeaker);
  const safe = safeObject(name === 'get_instance_logs' ? shortLogs(rendered) : rendered);
  const untrusted = untrustedFields(safe);
  const said: Record<string, unknown> = {
    ...safe,
    untrusted: untrusted.length === 0 ? undefined : untrusted,
    next: nextCall(output['next_step']),
  };
  return { content: [{ type: 'text', text: JSON.stringify(said) }], structuredContent: said };
}

/**
 * One text block of JSON: `{code, message, retryable, next_step, field?, valid_values?}`. There is no `structuredContent`:
 * a 1.x client throws if it does not fit the output schema, and then its model never sees the error.
 */
export function errorResult(operation: Operation, thrown: unknown, report: ReportUnexpected): CallToolResult {
  const reference = randomUUID().slice(0, 8);
  const error = asEcolinkError(thrown, reference);
  if (error !== thrown) report(thrown, reference);
  const { valid_values: values, ...said } = error.toBody(assistantSpeaker);
  const body = {
    ...safeObject({ ...said, valid_values: values?.slice(0, mostValues) }),
    example: error.code === 'bad_field' ? exampleFor(operation, error.field) : undefined,
    next: nextCall(error.nextStep),
  };
  return { isError: true, content: [{ type: 'text', text: JSON.stringify(body) }] };
}

/** The call that a next step names, as data. Undefined if a person must act, or if it is no tool. */
function nextCall(nextStep: unknown): { tool: string; arguments: object } | undefined {
  const text = proseSchema.safeParse(nextStep);
  const next = text.success ? nextOf(text.data) : undefined;
  return next && isTool(next.operation) ? { tool: next.operation, arguments: next.input ?? {} } : undefined;
}

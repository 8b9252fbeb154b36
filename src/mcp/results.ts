import { randomUUID } from 'node:crypto';
import type { CallToolResult } from '@modelcontextprotocol/server';
import { asEcolinkError } from '../core/base/errors.ts';
import { asToolNames } from './schemas.ts';

/** Where a thrown value that is not an EcolinkError goes, so that the reference shown to the caller leads somewhere. */
export type ReportUnexpected = (thrown: unknown, reference: string) => void;

/** The output twice, both times just as `--json` prints it: some clients show the model one, some the other. */
export function successResult(output: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output };
}

/**
 * One text block of JSON: `{code, message, retryable, next_step, field?, valid_values?}`. No `structuredContent`: a 1.x
 * client throws where that does not fit the output schema, and its model never sees the error.
 */
export function errorResult(thrown: unknown, report: ReportUnexpected): CallToolResult {
  const reference = randomUUID().slice(0, 8);
  const error = asEcolinkError(thrown, reference);
  if (error !== thrown) report(thrown, reference);
  const body = error.toBody();
  const text = JSON.stringify({ ...body, next_step: asToolNames(body.next_step) });
  return { isError: true, content: [{ type: 'text', text }] };
}

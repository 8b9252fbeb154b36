import { parseJson } from '../base/parse-json.ts';
import { askEngine } from '../region/ask-engine.ts';
import type { Runtime } from '../runtimes/runtime.ts';

/** The context length that a running engine reports. Undefined if its runtime has no such report, or if the engine does not answer. */
export async function readContext(
  { context_report: report }: Pick<Runtime, 'context_report'>,
  url: string,
  key?: string,
): Promise<number | undefined> {
  if (report === undefined) return undefined;
  // Without an answer, the engine serves all the same.
  const answer = await askEngine(url + report.path, { key });
  if (answer?.status !== 200 || answer.text === undefined) return undefined;
  return positiveInteger(valueAt(parseJson(answer.text), report.field.split('.')));
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== 'object' || value === null) return value;
  return valueAt(new Map<string, unknown>(Object.entries(value)).get(first), rest);
}

function positiveInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
}

import type { Runtime } from '../runtimes/runtime.ts';

const timeoutMs = 2000;

/** The context length that a running engine reports. Undefined if its runtime has no such report, or if the engine does not answer. */
export async function readContext(
  { context_report: report }: Pick<Runtime, 'context_report'>,
  url: string,
  key?: string,
): Promise<number | undefined> {
  if (report === undefined) return undefined;
  try {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const answer = await fetch(url + report.path, { headers, signal: AbortSignal.timeout(timeoutMs) });
    return positiveInteger(valueAt(await answer.json(), report.field.split('.')));
  } catch {
    // The engine serves without it.
    return undefined;
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== 'object' || value === null) return value;
  return valueAt(new Map<string, unknown>(Object.entries(value)).get(first), rest);
}

function positiveInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
}

import type { Runtime } from '../runtimes/runtime.ts';

const patienceMs = 2000;

/** The context length that a running engine tells of itself, where its runtime says how to ask. */
export async function readContext(
  { context_report: report }: Pick<Runtime, 'context_report'>,
  url: string,
): Promise<number | undefined> {
  if (report === undefined) return undefined;
  try {
    const answer = await fetch(url + report.path, { signal: AbortSignal.timeout(patienceMs) });
    return positive(at(await answer.json(), report.field.split('.')));
  } catch {
    // An engine that will not say serves all the same.
    return undefined;
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== 'object' || value === null) return value;
  return at((value as Record<string, unknown>)[first], rest);
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
}

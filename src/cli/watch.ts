import { setTimeout as pause } from 'node:timers/promises';
import { interruption } from './interruption.ts';
import type { Terminal } from './output/terminal.ts';

/** The time between two looks. */
const intervalMs = 2000;

/**
 * Shows an answer again whenever it changes, until Ctrl-C. On a terminal the new one replaces the old one. Elsewhere each
 * one is printed below the last.
 */
export async function watch<T>(
  look: () => Promise<T>,
  render: (answer: T) => string,
  terminal: Terminal,
): Promise<void> {
  using interrupted = interruption();
  let shown: string | undefined;
  while (!interrupted.signal.aborted) {
    const text = render(await look());
    if (text !== shown) terminal.redraw(text, shown);
    shown = text;
    await pause(intervalMs, undefined, { signal: interrupted.signal }).catch(() => undefined);
  }
}

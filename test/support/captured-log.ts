import { createLog } from '../../src/core/base/log.ts';
import type { Log } from '../../src/core/base/log.ts';

/** A log at its most talkative, whose lines are kept. */
export function capturedLog(): { log: Log; text: () => string; lines: () => Record<string, unknown>[] } {
  const written: string[] = [];
  const log = createLog({ level: 'trace', pretty: false, destination: { write: (line) => void written.push(line) } });
  const text = () => written.join('');
  const lines = () =>
    text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, text, lines };
}

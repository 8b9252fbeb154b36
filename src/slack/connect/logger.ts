import { LogLevel } from '@slack/bolt';
import type { Logger } from '@slack/bolt';
import type { Log } from '../../core/base/log.ts';

/**
 * Writes Bolt's log lines to our log. Debug lines are dropped, because they have whole payloads in them. Of an error
 * only the message is kept, because errors of the HTTP client have headers in them.
 */
export function boltLogger(log: Log): Logger {
  const lines = log.child({ part: 'slack' });
  return {
    debug: () => {},
    info: (...parts: unknown[]) => lines.debug(wordsOf(parts)),
    warn: (...parts: unknown[]) => lines.warn(wordsOf(parts)),
    error: (...parts: unknown[]) => lines.error(wordsOf(parts)),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}

function wordsOf(parts: readonly unknown[]): string {
  return parts
    .flatMap((part) => (typeof part === 'string' ? [part] : part instanceof Error ? [part.message] : []))
    .join(' ');
}

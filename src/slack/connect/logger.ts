import { LogLevel } from '@slack/bolt';
import type { Logger } from '@slack/bolt';
import type { Log } from '../../core/base/log.ts';

/**
 * Bolt's log lines as ours. Its debug lines carry whole payloads and are dropped; of what it passes besides text
 * only an error's sentence is kept, since errors of its HTTP client hold headers.
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

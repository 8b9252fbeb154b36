export type LogLevel = 'info' | 'warn' | 'error';

/** Writes one line of JSON to standard error. Never pass a prompt, an answer or a header: everyone who may see the instance may read its log. */
export function logLine(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
}

export type LogLevel = 'info' | 'warn' | 'error';

/** One line of JSON on standard error. Never pass a prompt, an answer or a header: logs are shown to whoever may see the instance. */
export function logLine(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
}

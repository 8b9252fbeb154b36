import pino from 'pino';
import type { Logger } from 'pino';
import { redact } from './secret-shapes.ts';

export type Log = Logger;

export interface LogOptions {
  level: string;
  pretty: boolean;
  /** Default: standard error. */
  destination?: pino.DestinationStream;
}

/** Writes lines of JSON, or coloured text for a terminal. Every line passes through `redact`. */
export function createLog(options: LogOptions): Log {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: redact },
  };
  if (!options.pretty) return pino(settings, options.destination ?? pino.destination(2));
  return pino({
    ...settings,
    transport: { target: 'pino-pretty', options: { destination: 2, ignore: 'time', singleLine: true } },
  });
}

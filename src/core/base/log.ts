import pino from 'pino';
import type { Logger } from 'pino';
import { redact } from './secret-shapes.ts';

export type Log = Logger;

export interface LogOptions {
  level: string;
  pretty: boolean;
  /** Standard error unless given. */
  destination?: pino.DestinationStream;
}

/** One line of JSON each, or coloured text on a terminal. Everything passes `redact` on its way out. */
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

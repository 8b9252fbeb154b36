import pino from 'pino';
import type { Logger } from 'pino';

export type Log = Logger;

const secretShapes = /\b(?:hf_[A-Za-z0-9]{8,}|eco_[A-Za-z0-9_-]{8,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,})/g;

/** Takes out whatever has the shape of a token, and the query strings of signed URLs. */
export function redact(text: string): string {
  return text.replace(secretShapes, '[redacted]').replace(/(https?:\/\/[^\s"'?]+)\?[^\s"']+/g, '$1?[redacted]');
}

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

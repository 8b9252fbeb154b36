import { z } from 'zod';
import { safeText } from './boundary.ts';

/**
 * Bytes of all log lines of one result. Even text that tokenises badly, such as hashes, has more than 1.6 bytes in a token,
 * so this is at most 2,000 tokens.
 */
const mostBytes = 3000;
const mostCharactersOfLine = 400;

const logsOf = z.object({ logs: z.array(z.object({ region: z.string(), lines: z.array(z.string()) })) });

/** The logs as an assistant gets them: the newest lines of every region, cut to what a model can read. */
export function shortLogs(output: Record<string, unknown>): Record<string, unknown> {
  const { logs } = logsOf.parse(output);
  const bytesEach = Math.floor(mostBytes / Math.max(1, logs.length));
  const short = logs.map(({ region, lines }) => {
    const kept = newest(lines.map(shortLine), bytesEach);
    return { region, lines: kept, left_out: lines.length - kept.length };
  });
  const truncated = short.some((each) => each.left_out > 0);
  return {
    ...output,
    logs: short.map(({ left_out: leftOut, ...each }) => (leftOut > 0 ? { ...each, older_lines: leftOut } : each)),
    truncated,
    next_step: truncated
      ? 'These are the newest lines. To see fewer regions in more detail, name one in "region".'
      : 'These are all lines that were asked for. A larger "lines" shows older ones.',
  };
}

function newest(lines: readonly string[], bytes: number): string[] {
  let left = bytes;
  const fits = lines.toReversed().findIndex((line) => {
    left -= Buffer.byteLength(JSON.stringify(line));
    return left < 0;
  });
  return fits === -1 ? [...lines] : lines.slice(lines.length - fits);
}

function shortLine(line: string): string {
  const said = safeText(wordsOf(line));
  return said.length <= mostCharactersOfLine ? said : `${said.slice(0, mostCharactersOfLine - 1)}…`;
}

const jsonLine = z.looseObject({ level: z.union([z.string(), z.number()]).optional() });
const messageFields = ['msg', 'message', 'event'];

/** A structured line in words: its level and its message. Other lines stay as they are. */
function wordsOf(line: string): string {
  if (!line.startsWith('{')) return line;
  const parsed = jsonLine.safeParse(parsedJson(line)).data;
  const message = messageFields.map((name) => parsed?.[name]).find((each) => typeof each === 'string');
  if (parsed === undefined || message === undefined) return line;
  return parsed.level === undefined ? message : `${parsed.level}: ${message}`;
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

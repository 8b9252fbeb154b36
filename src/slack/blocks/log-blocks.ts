import type { OutputOf } from '../../core/operations/catalogue.ts';
import { code, escape, note, section, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

const regionsShown = 4;
/** Together they stay below what Slack takes in one message. */
const charactersShown = 2800;

/** The end of the logs of an instance, by region. */
export function logsMessage({ instance, logs }: OutputOf<'get_instance_logs'>): SlackMessage {
  const text = `The last lines of instance ${instance}`;
  const shown = logs.filter(({ lines }) => lines.length > 0).slice(0, regionsShown);
  if (shown.length === 0) return { text, blocks: [section(`Instance ${instance} has written no line yet.`)] };
  return {
    text,
    blocks: [
      section(`*${text}*`),
      ...shown.flatMap(({ region, lines }) => [
        note(`In ${code(shorten(region, 80))}`),
        section(`\`\`\`${tail(lines)}\`\`\``),
      ]),
    ],
  };
}

/** The last lines that fit. The end of a log says what went wrong. */
function tail(lines: readonly string[]): string {
  const text = lines.map((line) => escape(line).replaceAll('`', 'ˋ')).join('\n');
  if (text.length <= charactersShown) return text;
  const cut = text.slice(-charactersShown);
  return `…\n${cut.slice(cut.indexOf('\n') + 1).replace(/^[^&<>\s]{0,5};/, '')}`;
}

import type { EcolinkError } from '../../core/base/errors.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { slackMarkup, slackWords } from './speaker.ts';
import { code, escape, section, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

/** Values worth listing in a message; more would bury the sentence. */
const valuesShown = 10;

/** An error as markup: what is wrong, what to do next, and which values are valid. `operation`: the one that failed. */
export function errorMarkup({ said, nextStep, validValues }: EcolinkError, operation?: Operation): string {
  return `:warning: *${escape(slackWords(said, operation))}*\n${slackMarkup(nextStep, operation)}${valid(validValues)}`;
}

/** The same for the line that Slack shows under a field. Slack takes no markup there, and a long line hides the form. */
export function errorLine(error: EcolinkError, operation?: Operation): string {
  return shorten(inOneLine(error, operation), 500);
}

export function errorMessage(error: EcolinkError, operation?: Operation): SlackMessage {
  return { text: escape(inOneLine(error, operation)), blocks: [section(errorMarkup(error, operation))] };
}

function inOneLine({ said, nextStep }: EcolinkError, operation: Operation | undefined): string {
  return `${slackWords(said, operation)} ${slackWords(nextStep, operation)}`;
}

function valid(values: readonly string[] | undefined): string {
  if (!values?.length) return '';
  const more = values.length > valuesShown ? ` and ${values.length - valuesShown} more` : '';
  return `\nValid: ${values.slice(0, valuesShown).map(code).join(', ')}${more}`;
}

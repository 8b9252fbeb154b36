import type { ErrorBody } from '../../core/base/errors.ts';
import { inSlackWords } from './command-text.ts';
import { code, escape, section, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

/** Values worth listing in a message; more would bury the sentence. */
const valuesShown = 10;

/** An error as markup: what is wrong, what to do next, and what would be right. */
export function errorMarkup(error: ErrorBody): string {
  return `:warning: *${escape(error.message)}*\n${inSlackWords(escape(error.next_step))}${validValues(error.valid_values)}`;
}

/** The same for the line that Slack shows under a field: no markup there, and long text pushes the form away. */
export function errorLine(error: ErrorBody): string {
  return shorten(`${error.message} ${inSlackWords(error.next_step, '')}`, 500);
}

export function errorMessage(error: ErrorBody): SlackMessage {
  return {
    text: escape(`${error.message} ${inSlackWords(error.next_step, '')}`),
    blocks: [section(errorMarkup(error))],
  };
}

function validValues(values: readonly string[] | undefined): string {
  if (!values?.length) return '';
  const more = values.length > valuesShown ? ` and ${values.length - valuesShown} more` : '';
  return `\nValid: ${values.slice(0, valuesShown).map(code).join(', ')}${more}`;
}

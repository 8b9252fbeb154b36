import { fail } from '../core/base/errors.ts';
import { agentMarker } from '../core/config/agent-markers.ts';

const nextStep = 'Tell the user that a person must decide. The person does it in a terminal of their own.';

/** Throws `person_needed` if an assistant runs this command. This stops an assistant that obeys, and nothing else. */
export function refuseAssistants(): void {
  const marker = agentMarker();
  if (marker === undefined) return;
  const message = `${marker.program} runs this command (${marker.variable} is set). An assistant cannot decide.`;
  throw fail('person_needed', message, { nextStep });
}

/** Throws `person_needed` if no terminal is on standard input. Another program of the same account can imitate one. */
export function requireTerminal(): void {
  if (process.stdin.isTTY) return;
  throw fail('person_needed', 'A person decides at a terminal. Standard input is not one.', { nextStep });
}

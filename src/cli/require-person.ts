import { fail } from '../core/base/errors.ts';
import { agentMarker } from '../core/config/agent-markers.ts';

/**
 * Throws `person_needed` if an assistant runs this command, or if no terminal is on standard input. This stops an assistant
 * that obeys. It does not stop another program of the same account.
 */
export function requirePerson(): void {
  const marker = agentMarker();
  if (marker !== undefined) {
    const message = `${marker.program} runs this command (${marker.variable} is set). An assistant cannot decide.`;
    throw fail('person_needed', message, {
      nextStep: 'Tell the user that a person must decide. The person does it in a terminal of their own.',
    });
  }
  if (process.stdin.isTTY) return;
  throw fail('person_needed', 'A person decides at a terminal. Standard input is not one.', {
    nextStep: 'Tell the user that a person must decide. The person does it in a terminal of their own.',
  });
}

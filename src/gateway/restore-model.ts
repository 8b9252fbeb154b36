import type { IncomingHttpHeaders } from 'node:http';

/** Puts the model id that the caller used into an answer. Pieces may end anywhere. */
export interface ModelRestorer {
  take(chunk: Buffer): Buffer;
  rest(): Buffer;
}

/** Spaces that a writer of JSON may put on each side of the colon. */
const mostSpaces = 4;

/**
 * For engines that do not take a model id as the name of a model. It replaces every `"model": "<served name>"`, at any depth:
 * events of `/v1/responses` and `/v1/messages` hold it inside an object. Text of the model cannot match, because a quote
 * inside a string of JSON has a backslash before it.
 */
export function createModelRestorer(servedName: string, asked: string): ModelRestorer {
  // Bytes as characters: a piece may end in the middle of a character.
  const name = Buffer.from(JSON.stringify(servedName)).toString('latin1');
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const field = new RegExp(`"model" {0,${mostSpaces}}: {0,${mostSpaces}}${literal}`, 'g');
  const replacement = Buffer.from(`"model":${JSON.stringify(asked)}`).toString('latin1');
  const plainField = `"model":${name}`;
  let pending = '';
  const restore = (text: string): Buffer =>
    Buffer.from(
      text.replaceAll(field, () => replacement),
      'latin1',
    );
  return {
    take(chunk) {
      const text = pending + chunk.toString('latin1');
      const begun = beginOfField(text, plainField);
      pending = text.slice(begun);
      return restore(text.slice(0, begun));
    },
    rest: () => restore(pending),
  };
}

/** Where a field begins whose end may come with the next piece. The end of the text if there is none. */
function beginOfField(text: string, plainField: string): number {
  const from = Math.max(0, text.length - plainField.length - 2 * mostSpaces);
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    const plain = text.slice(at).replace(/^("model") *(:?) */, '$1$2');
    if (plainField.startsWith(plain)) return at;
  }
  return text.length;
}

/** Whether the answer is text that may name the model. */
export function mayNameModel(headers: IncomingHttpHeaders): boolean {
  const type = headers['content-type'] ?? '';
  return headers['content-encoding'] === undefined && /^(?:application\/json|text\/event-stream)\b/i.test(type);
}

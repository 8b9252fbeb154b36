import { styleText } from 'node:util';

/** Colours for what a person looks for first. A state that is not listed gets none. */
const ofState: Readonly<Record<string, 'green' | 'yellow' | 'red' | 'dim'>> = {
  running: 'green',
  ready: 'green',
  approved: 'green',
  done: 'green',
  degraded: 'yellow',
  pending: 'yellow',
  downloading: 'yellow',
  starting: 'yellow',
  stopping: 'yellow',
  failed: 'red',
  damaged: 'red',
  denied: 'red',
  stopped: 'dim',
  expired: 'dim',
  cancelled: 'dim',
};

/** The text of a state, in the colour of the state. The spaces that fill its column stay. */
export function paintState(text: string): string {
  const colour = ofState[text.trimEnd()];
  // The caller knows whether the reader can show colours.
  return colour === undefined ? text : styleText(colour, text, { validateStream: false });
}

/** True if the reader of the stream shows colours: a terminal, unless NO_COLOR or FORCE_COLOR says otherwise. */
export function showsColours(stream: NodeJS.WriteStream): boolean {
  return styleText('red', 'x', { stream }) !== 'x';
}

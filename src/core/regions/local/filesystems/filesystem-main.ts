import { readSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { systemClock } from '../../../base/clock.ts';
import { asEcolinkError } from '../../../base/errors.ts';
import { answerRequest, numberedRequest } from './requests.ts';

/*
 * A program that looks at one shared filesystem for the server: `filesystem-main <root>`. A filesystem may not answer for
 * ever, and nothing can be done about a thread that waits for it. So the server waits for this program and gives it up.
 * It does one thing after the other, and ends with its standard input.
 */

const aliveMs = 1000;
const chunk = Buffer.alloc(64 * 1024);

function main(root: string): void {
  for (const line of linesOfInput()) {
    const { id, request } = numberedRequest.parse(JSON.parse(line));
    try {
      print({ id, answer: answerRequest(root, request, signOfLife()) });
    } catch (thrown) {
      print({ id, error: asEcolinkError(thrown, `filesystem ${request.do}`).toWire() });
    }
  }
}

function* linesOfInput(): Generator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for (let bytes = readSync(0, chunk); bytes > 0; bytes = readSync(0, chunk)) {
    const lines = (rest + decoder.write(chunk.subarray(0, bytes))).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** Tells the server from time to time that the filesystem answers. */
function signOfLife(): () => void {
  let last = systemClock.elapsedMs();
  return () => {
    const now = systemClock.elapsedMs();
    if (now - last < aliveMs) return;
    last = now;
    print({ alive: true });
  };
}

function print(line: object): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let done = 0; done < bytes.length;) done += writeSync(1, bytes, done);
}

main(process.argv[2] ?? '/');

import { styleText } from 'node:util';
import { plainText } from '../../core/base/format.ts';
import { say } from './screen.ts';

const question = 'In one short sentence: why keep a model registry?';

/** Asks the model through the gateway, as any OpenAI client would, and shows the request and the answer as it streams. */
export async function callModel(url: string, token: string, model: string, tokenPath: string): Promise<void> {
  const body = { model, messages: [{ role: 'user', content: question }], max_tokens: 60, stream: true };
  say(styleText('dim', `   $ curl ${url}/v1/chat/completions -H "Authorization: Bearer $(cat ${tokenPath})" \\`));
  say(
    styleText(
      'dim',
      `       -H 'content-type: application/json' -d '${JSON.stringify({ ...body, stream: undefined })}'`,
    ),
  );
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok || !response.body)
    throw new Error(`The call was answered with status ${response.status}: ${await response.text()}`);
  const pieces = await read(response.body);
  process.stdout.write('\n');
  if (pieces === 0) throw new Error('The model answered with nothing.');
  say(styleText('dim', `   (${pieces} pieces, streamed by ${model})`));
}

async function read(stream: ReadableStream<Uint8Array>): Promise<number> {
  let rest = '';
  let pieces = 0;
  process.stdout.write('   ');
  for await (const chunk of stream.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const text = textOf(line);
      if (text === '') continue;
      pieces++;
      process.stdout.write(plainText(text));
    }
  }
  return pieces;
}

/** The piece of answer in one server-sent line; other lines hold none. */
function textOf(line: string): string {
  if (!line.startsWith('data: {')) return '';
  const event = JSON.parse(line.slice('data: '.length)) as {
    choices?: { delta?: { content?: string } }[];
    error?: { message: string };
  };
  if (event.error) throw new Error(`The answer broke off: ${event.error.message}`);
  return event.choices?.[0]?.delta?.content ?? '';
}

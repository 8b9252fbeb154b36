import { styleText } from 'node:util';
import { z } from 'zod';
import { plainText } from '../../core/base/format.ts';
import { print } from './screen.ts';

const question = 'In one short sentence: why keep a model registry?';

/** Asks the model through the gateway, like any OpenAI client. Shows the request, and the answer as it streams. */
export async function callModel(url: string, token: string, model: string, tokenPath: string): Promise<void> {
  const body = { model, messages: [{ role: 'user', content: question }], max_tokens: 60, stream: true };
  print(styleText('dim', `   $ curl ${url}/v1/chat/completions -H "Authorization: Bearer $(cat ${tokenPath})" \\`));
  print(
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
  print(styleText('dim', `   (${pieces} pieces, streamed by ${model})`));
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<number> {
  const decoder = new TextDecoder();
  let rest = '';
  let pieces = 0;
  process.stdout.write('   ');
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
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

const chunk = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }).optional() })).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** The piece of the answer in a server-sent line. Empty for other lines. */
function textOf(line: string): string {
  if (!line.startsWith('data: {')) return '';
  const { choices, error } = chunk.parse(JSON.parse(line.slice('data: '.length)));
  if (error) throw new Error(`The answer broke off: ${error.message}`);
  return choices?.[0]?.delta?.content ?? '';
}

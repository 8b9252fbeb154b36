import { styleText } from 'node:util';
import type { Client } from '../../client/client.ts';
import { plainText } from '../../core/base/format.ts';
import { readPieces } from '../chat/answer-stream.ts';
import { print } from './screen.ts';

const question = 'In one short sentence: why keep a model registry?';

/** Asks the model through the gateway, like any OpenAI client. Shows the request, and the answer as it streams. */
export async function callModel({ url, models }: Client, model: string, tokenPath: string): Promise<void> {
  const body = { model, messages: [{ role: 'user', content: question }], max_tokens: 60 };
  print(styleText('dim', `   $ curl ${url}/v1/chat/completions -H "Authorization: Bearer $(cat ${tokenPath})" \\`));
  print(styleText('dim', `       -H 'content-type: application/json' -d '${JSON.stringify(body)}'`));
  const response = await models.post('/chat/completions', { ...body, stream: true });
  process.stdout.write('   ');
  let pieces = 0;
  for await (const { text } of readPieces(response)) {
    pieces++;
    process.stdout.write(plainText(text));
  }
  process.stdout.write('\n');
  if (pieces === 0) throw new Error('The model answered with nothing.');
  print(styleText('dim', `   (${pieces} pieces, streamed by ${model})`));
}

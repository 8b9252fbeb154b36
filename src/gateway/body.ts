import type { IncomingMessage } from 'node:http';
import { fail } from '../core/base/errors.ts';

/** Images as data URLs fit. A bigger body is a mistake or an attack. */
const limitBytes = 64 * 1024 * 1024;

export interface ModelCallBody {
  /** The model id that the caller wrote. */
  model: string;
  fields: Readonly<Record<string, unknown>>;
  /** The bytes to send on, with `servedName` as the model. */
  withModel(servedName: string): Buffer;
}

/** Reads and parses the body, once. Throws `body_too_large`, `not_json`, `bad_json` and `model_missing`. */
export async function readModelCall(request: IncomingMessage): Promise<ModelCallBody> {
  checkEncoding(request);
  const bytes = await readAll(request);
  const body = parse(bytes);
  const { model } = body;
  if (typeof model !== 'string' || model === '') {
    throw fail('model_missing', 'The body must name the model.', {
      nextStep: 'Send "model": "<model name>:<instance id>". GET /v1/models lists the models that you can call.',
      field: 'model',
    });
  }
  return {
    model,
    fields: body,
    // If the name stays, the bytes stay: numbers that JavaScript cannot represent arrive unchanged.
    withModel: (servedName) =>
      servedName === model ? bytes : Buffer.from(JSON.stringify({ ...body, model: servedName })),
  };
}

function readAll(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= limitBytes) return;
      request.off('data', onData);
      reject(tooLarge());
    };
    request.on('data', onData);
    request.once('end', () => {
      const [only] = chunks;
      resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks));
    });
    request.once('error', reject);
  });
}

function parse(bytes: Buffer): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw fail('bad_json', 'The body is not valid JSON.', { nextStep: 'Send one JSON object.' });
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  throw fail('bad_json', 'The body is JSON, but not an object.', { nextStep: 'Send one JSON object.' });
}

function checkEncoding(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity' && (type === undefined || /^application\/json\b/i.test(type))) return;
  throw fail('not_json', 'The body must be plain JSON, not compressed.', {
    nextStep: 'Send it with "content-type: application/json" and without a content-encoding.',
  });
}

function tooLarge(): Error {
  return fail('body_too_large', 'The body is larger than 64 MiB.', { nextStep: 'Send less in each call.' });
}

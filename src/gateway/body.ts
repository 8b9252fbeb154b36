import type { IncomingMessage } from 'node:http';
import { fail } from '../core/base/errors.ts';
import { JsonScanner } from '../core/base/json-scanner.ts';
import type { ByteRange } from '../core/base/json-scanner.ts';
import type { HeldBody } from './held-bytes.ts';
import { readBody } from './read-body.ts';

export interface BodyLimits {
  limitBytes: number;
  /** How long a body may fall silent, in milliseconds. */
  progressMs: number;
}

export interface ModelCallBody {
  /** The model id that the caller wrote. */
  model: string;
  /** Small enough for `fields`. */
  isSmall: boolean;
  /** Parses the whole body, for a replica with another API. Throws `body_too_large` if that would take long. */
  fields(): Readonly<Record<string, unknown>>;
  /** The bytes to send on: those of the caller, with `servedName` as the model. */
  withModel(servedName: string): readonly Buffer[];
}

/** TEI itself takes 2 MB. Parsing more would keep other calls waiting. */
const longestParsed = 2 * 1024 ** 2;
/** In bytes, quotes included. No model id is longer. */
const longestModel = 1024;

/**
 * Reads the body, and finds `model` without parsing the rest. Throws `body_too_large`, `request_too_slow`, `too_many_bytes`,
 * `server_full`, `not_json`, `bad_json`, `json_too_deep`, `model_missing` and `model_named_twice`.
 */
export async function readModelCall(
  request: IncomingMessage,
  held: HeldBody,
  limits: BodyLimits,
): Promise<ModelCallBody> {
  checkEncoding(request);
  const scanner = new JsonScanner({ key: 'model' });
  const blocks = await readBody(request, { ...limits, held, onPiece: (piece) => scanner.push(piece) });
  const [place, second] = scanner.end();
  if (second) throw namedTwice();
  const model = place && modelAt(blocks, place);
  if (place === undefined || model === undefined) throw modelMissing();
  let parsed: Readonly<Record<string, unknown>> | undefined;
  return {
    model,
    isSmall: blocks.reduce((sum, { length }) => sum + length, 0) <= longestParsed,
    fields: () => (parsed ??= parse(blocks)),
    withModel: (servedName) => (servedName === model ? blocks : replaced(blocks, place, servedName)),
  };
}

/** Undefined if it is no text, or no possible model id. */
function modelAt(blocks: readonly Buffer[], place: ByteRange): string | undefined {
  if (place.end - place.start > longestModel) return undefined;
  const value: unknown = JSON.parse(Buffer.concat(slice(blocks, place.start, place.end)).toString('utf8'));
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function replaced(blocks: readonly Buffer[], { start, end }: ByteRange, servedName: string): Buffer[] {
  return [...slice(blocks, 0, start), Buffer.from(JSON.stringify(servedName)), ...slice(blocks, end, Infinity)];
}

/** Views of the bytes from `start` to `end`. */
function slice(blocks: readonly Buffer[], start: number, end: number): Buffer[] {
  const views: Buffer[] = [];
  let offset = 0;
  for (const block of blocks) {
    const view = block.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
    if (view.length > 0) views.push(view);
    offset += block.length;
  }
  return views;
}

function parse(blocks: readonly Buffer[]): Readonly<Record<string, unknown>> {
  const bytes = Buffer.concat(blocks);
  if (bytes.length > longestParsed) {
    throw fail('body_too_large', 'The body is larger than 2 MiB, and the engine of this model takes no more.', {
      nextStep: 'Send less in each call.',
    });
  }
  const body: unknown = JSON.parse(bytes.toString('utf8'));
  return typeof body === 'object' && body !== null ? { ...body } : {};
}

function checkEncoding(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity' && (type === undefined || /^application\/json\b/i.test(type))) return;
  throw fail('not_json', 'The body must be plain JSON, not compressed.', {
    nextStep: 'Send it with "content-type: application/json" and without a content-encoding.',
  });
}

function modelMissing(): Error {
  return fail('model_missing', 'The body must name the model.', {
    nextStep: 'Send "model": "<model name>:<instance id>". GET /v1/models lists the models that you can call.',
    field: 'model',
  });
}

function namedTwice(): Error {
  return fail('model_named_twice', 'The body has more than one field "model".', {
    nextStep: 'Send "model" once.',
    field: 'model',
  });
}

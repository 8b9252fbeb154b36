import { z } from 'zod';
import { errorFromWire, fail, wireErrorSchema } from '../core/base/errors.ts';
import { say } from '../core/base/prose.ts';
import type { Answer, Target } from './exchange.ts';

const errorAnswer = z.object({ error: wireErrorSchema });

/** The body of a good answer. Throws the error that the server sent, and `bad_answer`. */
export function bodyOf({ status, body }: Answer, { url, tokenFrom }: Target): unknown {
  if (status >= 200 && status < 300 && body !== undefined) return body;
  const { data } = errorAnswer.safeParse(body);
  if (!data) {
    throw fail('bad_answer', `What answers at ${url} does not speak EcoLink (HTTP status ${status}).`, {
      nextStep: 'Check ECOLINK_URL, and the proxies between you and the server.',
    });
  }
  const { error } = data;
  if (status === 401)
    throw errorFromWire({ ...error, next_step: say`The token came from ${tokenFrom}. ${error.next_step}` }, status);
  // 413 and 415 have no kind of their own: the caller must change the request.
  throw errorFromWire(error, status === 413 || status === 415 ? 400 : status);
}

/** The body as the schema describes it. Throws `bad_answer`. */
export function parseAnswer<S extends z.core.$ZodType>(schema: S, body: unknown, { url }: Target): z.core.output<S> {
  const { data, error } = z.safeParse(schema, body);
  if (!error) return data;
  const field = error.issues[0]?.path.join('.') ?? '';
  throw fail('bad_answer', `The server at ${url} sent an answer that this version cannot read (field "${field}").`, {
    nextStep:
      'The call may have taken effect: check with a list or a get. Then use one version here and on the server.',
  });
}

/** The schema with room for a newer server: fields and values of enums that this version does not know. */
export function loosen(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodObject) return loosenObject(schema);
  if (schema instanceof z.ZodArray) return z.array(loosen(schema.element));
  if (schema instanceof z.ZodOptional) return z.optional(loosen(schema.unwrap()));
  if (schema instanceof z.ZodNullable) return z.nullable(loosen(schema.unwrap()));
  return schema instanceof z.ZodEnum ? z.string() : schema;
}

export function loosenObject(schema: z.ZodObject): z.ZodObject<Record<string, z.core.$ZodType>, z.core.$loose> {
  const fields = Object.entries(schema.shape).map(([name, field]) => [name, loosen(field)] as const);
  return z.looseObject(Object.fromEntries(fields));
}

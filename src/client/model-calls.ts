import { fetch } from 'undici';
import type { Response } from 'undici';
import { z } from 'zod';
import { errorKindNames, errorKinds } from '../core/base/error-kinds.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { parseJson } from '../core/base/parse-json.ts';
import { connectionError } from './exchange.ts';
import type { Target } from './exchange.ts';

/** Calls of a model through the gateway, as any OpenAI client makes them. */
export interface ModelCalls {
  /** `path` is one below `/v1`. The answer streams. Throws the error of the gateway or the engine, `server_lost`, `cancelled`. */
  post(path: string, body: object, signal?: AbortSignal): Promise<Response>;
}

export function modelCalls(target: Target): ModelCalls {
  return {
    async post(path, body, signal) {
      const response = await send(target, path, body, signal);
      if (response.ok) return response;
      throw callError(response.status, await response.text());
    },
  };
}

// No timeout: an answer may take minutes, and the person who waits can stop it.
async function send({ url, token, socket }: Target, path: string, body: object, signal?: AbortSignal) {
  try {
    return await fetch(`${url}/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      dispatcher: socket,
      signal: signal ?? null,
    });
  } catch (thrown) {
    throw connectionError(thrown, { url, socket }, signal);
  }
}

/** OpenAI's form of an error. Engines leave out parts of it. */
const errorAnswer = z.object({
  error: z.object({ message: z.string(), code: z.union([z.string(), z.number()]).nullish() }),
});

function callError(status: number, text: string): EcolinkError {
  const { data } = errorAnswer.safeParse(parseJson(text));
  const kind = errorKindNames.find((each) => errorKinds[each].httpStatus === status) ?? 'unavailable';
  const code = typeof data?.error.code === 'string' ? data.error.code : 'call_refused';
  const message = data?.error.message ?? `The call was answered with status ${status}.`;
  return new EcolinkError(kind, code, message, { nextStep: 'Correct what the sentence says. Then ask again.' });
}

import { z } from 'zod';
import { scopes } from '../core/base/caller.ts';
import { proseSchema } from '../core/base/prose.ts';
import type { Prose } from '../core/base/prose.ts';
import type {
  AddedCredential,
  MadeToken,
  NewCredential,
  NewToken,
  RevokedToken,
  Rotated,
  TokenSummary,
} from '../core/core.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import type { InputOf, OperationName, OutputOf } from '../core/operations/catalogue.ts';
import { exchange } from './exchange.ts';
import type { Request, Target } from './exchange.ts';
import { findServer } from './find-server.ts';
import type { ServerAddress } from './find-server.ts';
import { modelCalls } from './model-calls.ts';
import type { ModelCalls } from './model-calls.ts';
import { proseHeader, proseParts } from './prose-header.ts';
import { bodyOf, loosenObject, parseAnswer } from './read-answer.ts';

export interface ConnectOptions extends ServerAddress {
  /** The front end that calls. `mcp` makes the caller an agent. */
  source: 'cli' | 'mcp';
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** Runs an operation. Texts of the output keep their references: the front end says them. */
export interface Call {
  <N extends OperationName>(operation: N, input: InputOf<N>, options?: CallOptions): Promise<OutputOf<N>>;
  /** For what a user typed. A name that is written in the code must have the input of its operation. */
  <S extends string>(
    operation: S extends OperationName ? never : S,
    input: object,
    options?: CallOptions,
  ): Promise<Record<string, unknown>>;
}

/** A running server, for the command line and `ecolink mcp`. It throws EcolinkError and nothing else. */
export interface Client {
  url: string;
  call: Call;
  tokens: TokenCalls;
  credentials: CredentialCalls;
  models: ModelCalls;
}

export interface TokenCalls {
  create(input: NewToken): Promise<MadeToken>;
  list(): Promise<TokenSummary[]>;
  revoke(idOrName: string): Promise<RevokedToken>;
}

/** The texts of what was made keep their references. */
type Spoken<T> = Omit<T, 'next_step'> & { next_step: Prose };

export interface CredentialCalls {
  /** The value goes in the body and nowhere else. */
  add(input: NewCredential): Promise<Spoken<AddedCredential>>;
  rotateKey(): Promise<Spoken<Rotated>>;
}

type Send = (method: string, path: string, body?: object, options?: CallOptions) => Promise<unknown>;

/** Added to the wait of a call: registering asks the Hub, which may be slow. */
const answerMs = 120_000;

/** Finds the server and asks whether it lives. Throws `server_not_running`, `token_missing`, `bad_environment`. */
export async function connect({ source, ...address }: ConnectOptions): Promise<Client> {
  const target = await findServer(address);
  const send: Send = async (method, path, body, { signal } = {}) => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${target.token}`,
      'ecolink-source': source,
      [proseHeader]: proseParts,
    };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init: Request = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    return bodyOf(await exchange(target, path, init, { timeoutMs: answerMs + waitMsOf(body), signal }), target);
  };
  return {
    url: target.url,
    call: operationCalls(send, target),
    tokens: tokenCalls(send, target),
    credentials: credentialCalls(send, target),
    models: modelCalls(target),
  };
}

function operationCalls(send: Send, target: Target): Call {
  function call<N extends OperationName>(name: N, input: InputOf<N>, options?: CallOptions): Promise<OutputOf<N>>;
  function call(name: string, input: object, options?: CallOptions): Promise<Record<string, unknown>>;
  async function call(name: string, input: object, options?: CallOptions): Promise<Record<string, unknown>> {
    const body = await send('POST', `/api/operations/${encodeURIComponent(name)}`, input, options);
    return parseAnswer(outputSchemaOf(name), body, target);
  }
  return call;
}

const outputSchemas = new Map<string, ReturnType<typeof loosenObject>>();

function outputSchemaOf(name: string): ReturnType<typeof loosenObject> {
  const known = outputSchemas.get(name);
  if (known) return known;
  // A newer server may have operations that this version does not know.
  const schema = loosenObject(findOperation(name)?.output ?? z.object({}));
  outputSchemas.set(name, schema);
  return schema;
}

const tokenSummary = z.object({
  id: z.string(),
  name: z.string(),
  person: z.string(),
  scopes: z.array(z.enum(scopes)),
  agent: z.boolean(),
  may_decide: z.boolean(),
  created_at: z.string(),
  expires_at: z.string().optional(),
  made_by: z.string().optional(),
  // A server of an older version does not say these.
  made: z.array(z.string()).default([]),
  last_used_at: z.string().optional(),
});
const revokedToken = tokenSummary.extend({ also_revoked: z.array(z.string()).default([]) });
const madeToken = z.object({ token: z.string(), summary: tokenSummary });
const tokenList = z.object({ items: z.array(tokenSummary) });

function tokenCalls(send: Send, target: Target): TokenCalls {
  return {
    create: async (input) => parseAnswer(madeToken, await send('POST', '/api/tokens', input), target),
    list: async () => parseAnswer(tokenList, await send('GET', '/api/tokens'), target).items,
    revoke: async (idOrName) =>
      parseAnswer(revokedToken, await send('DELETE', `/api/tokens/${encodeURIComponent(idOrName)}`, {}), target),
  };
}

const addedCredential = z.object({
  credential: z.string(),
  state: z.enum(['added', 'replaced']),
  account: z.string(),
  fingerprint: z.string(),
  shared: z.boolean(),
  next_step: proseSchema,
});
const rotated = z.object({ key: z.string(), rows: z.int(), next_step: proseSchema });

function credentialCalls(send: Send, target: Target): CredentialCalls {
  return {
    add: async (input) => parseAnswer(addedCredential, await send('POST', '/api/credentials', input), target),
    rotateKey: async () => parseAnswer(rotated, await send('POST', '/api/keys/rotate', { confirm: 'rotate' }), target),
  };
}

function waitMsOf(input: object | undefined): number {
  if (!input || !('wait_seconds' in input) || typeof input.wait_seconds !== 'number') return 0;
  return input.wait_seconds * 1000;
}

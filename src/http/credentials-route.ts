import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { fail } from '../core/base/errors.ts';
import { plainWords } from '../core/base/prose.ts';
import type { Prose } from '../core/base/prose.ts';
import type { Core } from '../core/core.ts';
import { wantsParts } from './prose-header.ts';

const newCredential = z.strictObject({ name: z.string(), value: z.string(), shared: z.boolean().optional() });
const newLink = z.strictObject({ name: z.string(), shared: z.boolean().optional() });

/** Says that the caller means it: a body that was made for another call does not rotate the key. */
const rotation = z.strictObject({ confirm: z.literal('rotate') });

/** Adding a credential is no operation, so that no tool, form or approval request ever has its value. */
export function credentialsRoute(app: FastifyInstance, { credentials, needScope }: Core): void {
  app.post('/api/credentials', async (request, reply) => {
    needScope(request.caller, 'operate');
    const added = await credentials.add(parse(newCredential, request.body), request.caller);
    return reply.code(201).header('cache-control', 'no-store').send(spoken(request, added));
  });
  app.post('/api/credential-links', async (request, reply) => {
    needScope(request.caller, 'operate');
    const { id, expiresAt } = await credentials.links.make(parse(newLink, request.body), request.caller, false);
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ url: credentials.url(id), expires_at: expiresAt });
  });
  app.post('/api/keys/rotate', async (request, reply) => {
    needScope(request.caller, 'operate');
    requireRotation(request.body);
    return reply.send(spoken(request, await credentials.rotateKey(request.caller)));
  });
}

function requireRotation(body: unknown): void {
  if (rotation.safeParse(body).success) return;
  throw fail('bad_input', 'The rotation of the key must be confirmed.', {
    nextStep: 'Send {"confirm": "rotate"} and no other field.',
    field: 'confirm',
  });
}

function spoken<T extends { next_step: Prose }>(request: FastifyRequest, made: T) {
  return wantsParts(request) ? made : { ...made, next_step: plainWords(made.next_step) };
}

/** The error does not repeat the body: it has the value of a token. */
function parse<S extends z.ZodObject>(shape: S, body: unknown): z.output<S> {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const wanted = Object.keys(shape.shape);
  const field = String(parsed.error.issues[0]?.path[0] ?? '');
  throw fail('bad_input', `${wanted.includes(field) ? field : 'The credential'} is missing or not valid.`, {
    nextStep: `Send a JSON object with ${wanted.map((each) => `"${each}"`).join(', ')}.`,
    field: wanted.includes(field) ? field : undefined,
  });
}

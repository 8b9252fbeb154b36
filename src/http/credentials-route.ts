import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Core } from '../core/core.ts';
import { fail } from '../core/base/errors.ts';
import { plainWords } from '../core/base/prose.ts';
import type { Prose } from '../core/base/prose.ts';
import { needScope } from '../core/access/rights.ts';
import { wantsParts } from './prose-header.ts';

const newCredential = z.strictObject({ name: z.string(), value: z.string(), shared: z.boolean().optional() });
const newLink = z.strictObject({ name: z.string(), shared: z.boolean().optional() });

/** Adding a credential is a route and no operation: no tool, no form and no approval ever carries its value. */
export function credentialsRoute(app: FastifyInstance, { credentials }: Core): void {
  app.post('/api/credentials', async (request, reply) => {
    needScope(request.caller, 'operate');
    const added = await credentials.add(parse(newCredential, request.body), request.caller);
    return reply.code(201).header('cache-control', 'no-store').send(worded(request, added));
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
    return reply.send(worded(request, await credentials.rotateKey(request.caller)));
  });
}

function worded<T extends { next_step: Prose }>(request: FastifyRequest, receipt: T): T {
  return wantsParts(request) ? receipt : { ...receipt, next_step: plainWords(receipt.next_step) };
}

/** What is wrong with it is said without what was sent: it holds a token's value. */
function parse<S extends z.ZodObject>(shape: S, body: unknown): z.output<S> {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const wanted = Object.keys(shape.shape);
  const field = String(parsed.error.issues[0]?.path[0] ?? '');
  throw fail('bad_input', `${wanted.includes(field) ? field : 'The credential'} is missing or not as it should be.`, {
    nextStep: `Send a JSON object with ${wanted.map((each) => `"${each}"`).join(', ')}.`,
    ...(wanted.includes(field) ? { field } : {}),
  });
}

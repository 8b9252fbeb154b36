import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { scopes } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import type { Core } from '../core/core.ts';

const newToken = z.strictObject({
  name: z.string(),
  scopes: z.array(z.enum(scopes)).min(1),
  agent: z.boolean().optional(),
  may_decide: z.boolean().optional(),
  expires_in: z.string().optional(),
});

/** /api/tokens. The core decides who may do what. */
export function tokensRoute(app: FastifyInstance, { tokens }: Core): void {
  app.post('/api/tokens', async (request, reply) => {
    const made = await tokens.create(parse(request.body), request.caller);
    return reply.code(201).header('cache-control', 'no-store').send(made);
  });
  app.get('/api/tokens', async (request, reply) => reply.send({ items: await tokens.list(request.caller) }));
  app.delete<{ Params: { id: string } }>('/api/tokens/:id', async (request, reply) => {
    requireNoFields(request.body);
    return reply.send(await tokens.revoke(request.params.id, request.caller));
  });
}

function requireNoFields(body: unknown): void {
  if (z.strictObject({}).safeParse(body).success) return;
  throw fail('bad_input', 'Revoking a token takes no fields.', { nextStep: 'Send {} as the body.' });
}

function parse(body: unknown): z.output<typeof newToken> {
  const parsed = newToken.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path[0] === undefined ? undefined : String(issue.path[0]);
  throw fail('bad_input', `${field ?? 'The token'}: ${issue?.message ?? 'is not valid'}.`, {
    nextStep: `Send {"name", "scopes", "agent", "may_decide", "expires_in"}, the last three are optional. The scopes are ${scopes.join(', ')}.`,
    field,
    validValues: field === 'scopes' ? scopes : undefined,
  });
}

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Access, TokenSummary } from '../core/access/access.ts';
import { atLeast, scopes } from '../core/access/caller.ts';
import type { Caller } from '../core/access/caller.ts';
import { needDecider } from '../core/access/rights.ts';
import { inputError, notFound, refused } from '../core/errors.ts';
import { needScope } from './gatekeeper.ts';

const newToken = z.strictObject({
  name: z.string(),
  scopes: z.array(z.enum(scopes)).min(1),
  agent: z.boolean().optional(),
  may_decide: z.boolean().optional(),
});

/** /api/tokens: people manage their own tokens, admins everybody's. Agents none: a token decides who may act. */
export function tokensRoute(app: FastifyInstance, access: Access): void {
  app.post('/api/tokens', async (request, reply) => {
    needPerson(request.caller);
    const { name, scopes, agent, may_decide: mayDecide } = parse(request.body);
    // Otherwise a token could make itself a stronger one.
    for (const scope of scopes) needScope(request.caller, scope);
    if (mayDecide === true) needDecider(request.caller);
    const made = await access.createToken(request.caller.person, name, scopes, { agent, mayDecide });
    return reply.code(201).header('cache-control', 'no-store').send(made);
  });
  app.get('/api/tokens', async (request, reply) => {
    needPerson(request.caller);
    return reply.send({ items: await visible(access, request.caller) });
  });
  app.delete<{ Params: { id: string } }>('/api/tokens/:id', async (request, reply) => {
    needPerson(request.caller);
    const { id } = request.params;
    const found = (await visible(access, request.caller)).find((token) => token.id === id || token.name === id);
    if (found) return reply.send(await access.revokeToken(found.id));
    throw notFound('token_not_found', `You have no token "${id.slice(0, 64)}".`, {
      nextStep: 'List the tokens with "ecolink token list"; only an admin sees those of others.',
    });
  });
}

async function visible(access: Access, { person }: Caller): Promise<TokenSummary[]> {
  const all = await access.listTokens();
  return atLeast(person.role, 'admin') ? all : all.filter((token) => token.person === person.name);
}

function needPerson(caller: Caller): void {
  needScope(caller, 'operate');
  if (!caller.agent) return;
  throw refused('person_needed', 'An assistant cannot manage tokens.', {
    nextStep: 'Do it yourself with "ecolink token create|list|revoke".',
  });
}

function parse(body: unknown): z.output<typeof newToken> {
  const parsed = newToken.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path[0] === undefined ? undefined : String(issue.path[0]);
  throw inputError('bad_input', `${field ?? 'The token'}: ${issue?.message ?? 'is not valid'}.`, {
    nextStep: `Send {"name", "scopes", "agent", "may_decide"}, the last two if you want; the scopes are ${scopes.join(', ')}.`,
    ...(field === undefined ? {} : { field }),
    ...(field === 'scopes' ? { validValues: scopes } : {}),
  });
}

import type { FastifyRequest } from 'fastify';

/** EcoLink's own clients send this with the value `parts`: they say references in their own words. Others get plain words. */
export const proseHeader = 'ecolink-prose';

export function wantsParts(request: FastifyRequest): boolean {
  return request.headers[proseHeader] === 'parts';
}

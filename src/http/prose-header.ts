import type { FastifyRequest } from 'fastify';
import { proseHeader, proseParts } from '../client/prose-header.ts';

/** True for EcoLink's own clients, which say references in their own words. Others get plain words. */
export function wantsParts(request: FastifyRequest): boolean {
  return request.headers[proseHeader] === proseParts;
}

import { z } from 'zod';
import { categories } from '../base/categories.ts';
import { roles, scopes } from '../base/caller.ts';
import type { Replica } from './routes.ts';

/** What a gateway knows of a token. It never has the token itself. */
const tokenEntry = z.object({
  id: z.string(),
  name: z.string(),
  person: z.string(),
  scopes: z.array(z.enum(scopes)),
  agent: z.boolean(),
  expires_at: z.string().optional(),
});

/** A person with a role. People without one have no entry. */
const personEntry = z.object({ name: z.string(), role: z.enum(roles) });

const instanceEntry = z.object({
  name: z.string(),
  stopped: z.boolean(),
  /** True if lists show it: its state lets it take calls. */
  callable: z.boolean(),
  private: z.boolean(),
  owner: z.string(),
  owner_name: z.string(),
  created_at: z.string(),
  /** Of its model. Absent in what older servers wrote, and for one that is unknown here. */
  category: z.enum(categories).optional().catch(undefined),
  /** The server wrote and signed them, and its version may know more fields than this one. */
  replicas: z.array(z.custom<Replica>((each) => typeof each === 'object' && each !== null && 'url' in each)),
});

export type TokenEntry = z.output<typeof tokenEntry>;
export type PersonEntry = z.output<typeof personEntry>;
export type InstanceEntry = z.output<typeof instanceEntry>;

/** What calls need, by key: `token:<sha256>`, `person:<id>`, `instance:<number>`. The values are JSON. */
export type Entries = ReadonlyMap<string, string>;

export const keys = {
  token: (hash: string) => `token:${hash}`,
  person: (id: string) => `person:${id}`,
  instance: (id: number) => `instance:${id}`,
};

export const entrySchemas = { token: tokenEntry, person: personEntry, instance: instanceEntry };

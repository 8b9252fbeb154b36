import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { roles } from '../../../src/core/base/caller.ts';
import type { Caller, Role } from '../../../src/core/base/caller.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { roleFor } from '../../../src/core/operation/authorise.ts';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { safetensorsBytes } from '../../support/weight-bytes.ts';
import { inSlack } from '../../support/callers.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { newToken } from '../../support/credentials.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import type { ModelFolder } from '../../support/model-folder.ts';

/**
 * people-table.txt says what each operation answers: one line for each operation and owner of what it is about, one word
 * for each role, one letter for each way to ask. It is written by hand. Everything else about roles is generated from the
 * definitions, so this is the only independent expectation.
 */
const expected = new URL('people-table.txt', import.meta.url);

/** The order of the letters: own token on the command line, deciding token there, Slack, own token over HTTP, deciding token
 *  over HTTP, own token over MCP, agent's token over MCP, on the command line and over HTTP. */
type Way = (place: TestCore, role: Role) => Promise<Caller>;
const tokens = new Map<string, string>();
const byToken =
  (kind: 'own' | 'deciding' | 'agent', source: Caller['source']): Way =>
  async ({ core }, role) =>
    (await core.access.callerOfToken(tokens.get(`${kind}-${role}`) ?? '', source)) ?? expect.fail('a good token');
const bySlack: Way = ({ core }, role) => inSlack(core, role.toUpperCase());
const ways: Way[] = [
  byToken('own', 'cli'),
  byToken('deciding', 'cli'),
  bySlack,
  byToken('own', 'http'),
  byToken('deciding', 'http'),
  byToken('own', 'mcp'),
  byToken('agent', 'mcp'),
  byToken('agent', 'cli'),
  byToken('agent', 'http'),
];

/** One letter for each answer. Everything after the permission checks is `y`: these inputs change little. */
const letters: Record<string, string> = {
  role_missing: 'r',
  not_owner: 'o',
  model_not_found: 'u',
  instance_not_found: 'u',
  credential_not_found: 'u',
  not_offered_here: 'f',
  may_not_decide: 'd',
  scope_missing: 's',
  own_role: 'm',
  role_overruled: 'c',
  no_role: 'n',
  unexpected: '!',
};

type Subject = { model: string; instance: string };
const subjects = new Map<string, Subject>();
/** Inputs of operations about a model or an instance. */
const about: Record<string, (subject: Subject) => object> = {
  get_model: ({ model }) => ({ model }),
  delete_model: ({ model }) => ({ model }),
  plan_launch: ({ model }) => ({ model }),
  launch_instance: ({ model }) => ({ model, plan_digest: 'another' }),
  get_instance: ({ instance }) => ({ instance }),
  get_instance_logs: ({ instance }) => ({ instance }),
  stop_instance: ({ instance }) => ({ instance }),
  restart_instance: ({ instance }) => ({ instance }),
  extend_instance: ({ instance }) => ({ instance, stop_after: '8h' }),
  scale_instance: ({ instance }) => ({ instance, replicas: 1 }),
  delete_instance: ({ instance }) => ({ instance }),
  prefetch_model: ({ model }) => ({ model }),
  verify_cache: ({ model }) => ({ model }),
  evict_cache: ({ model }) => ({ model }),
  pin_cache: ({ model }) => ({ model }),
};
/** Inputs by the owner of the role or credential. They change nothing: people have that role already, and models need the credentials. */
const named: Record<string, Record<string, (role: Role) => object>> = {
  set_role: {
    own: (role) => ({ person: role, role: 'viewer' }),
    others: () => ({ person: 'slack:T1/GRANTED', role: 'member' }),
    config: () => ({ person: 'olive', role: 'viewer' }),
  },
  delete_credential: {
    own: (role) => ({ credential: `of-${role}` }),
    shared: () => ({ credential: 'shared' }),
    private: () => ({ credential: 'of-somebody' }),
  },
};
/** Inputs of the other operations: they pass the permission checks and then fail or only read. */
const plain: Record<string, object> = {
  check_model: { source: 'filesystem', filesystem: 'no-such', subfolder: 'a' },
  register_model: { ...tiny, name: 'not-there', filesystem: 'no-such' },
  get_approval: { approval: '999' },
  cancel_request: { approval: '999' },
  approve_request: { approval: '999' },
  deny_request: { approval: '999', reason: 'no' },
  break_glass: { approval: '999', reason: 'now' },
  // A call that viewers may make: what is explained needs its own rights.
  explain_policy: { operation: 'list_models' },
};

let folder: ModelFolder;
let place: TestCore;
let hub: Hub;

const config = (roleOf: (name: Role) => Role): string =>
  [
    'people:',
    ...roles.map(
      (name) => `  - {name: ${name}, role: ${roleOf(name)}, identities: ["slack:T1/${name.toUpperCase()}"]}`,
    ),
    '  - {name: olive, role: admin, identities: [local]}',
    'policy: [{allow: true}]',
    folder.config,
  ].join('\n');

/** A credential that a model needs. */
async function makeCredential(name: string, caller: Caller, shared: boolean): Promise<void> {
  const value = newToken();
  hub.addToken(value, { user: 'alice' });
  await place.core.credentials.add({ name, value, shared }, { ...caller, source: 'http' });
  const gated = { source: 'huggingface', repo: 'acme/gated', category: 'chat', credential: name };
  await place.run('register_model', { ...gated, name: `needs-${name}` }, caller);
}

async function makeSubject(name: string, caller: Caller, hidden: boolean): Promise<void> {
  await place.run('register_model', { ...tiny, name, private: hidden }, caller);
  const { instance } = await place.run('launch_instance', { model: name, private: hidden }, caller);
  subjects.set(name, { model: name, instance: String(instance) });
}

beforeAll(async () => {
  folder = await modelFolder();
  // Everybody first owns something as a member. Then each person gets the role of their name.
  hub = await startHub();
  hub.addRepo('acme/gated', {
    files: { 'config.json': '{}', 'model.safetensors': safetensorsBytes() },
    gated: 'manual',
    gate: { alice: 'accepted' },
  });
  place = await startCore({
    reconcile: false,
    config: config(() => 'member'),
    environment: { HF_ENDPOINT: hub.endpoint, ECOLINK_KEY: randomBytes(32).toString('base64') },
  });
  for (const role of roles) {
    const caller = await bySlack(place, role);
    await makeSubject(`own-${role}`, caller, true);
    await makeCredential(`of-${role}`, caller, false);
    for (const kind of ['own', 'deciding', 'agent'] as const) {
      const made = { agent: kind === 'agent', mayDecide: kind === 'deciding' };
      const { token } = await place.core.access.createToken(caller.person, `${kind}-${role}`, ['operate'], made);
      tokens.set(`${kind}-${role}`, token);
    }
  }
  await makeSubject('others', place.local, false);
  await makeSubject('private', place.local, true);
  await makeCredential('shared', place.local, true);
  await makeCredential('of-somebody', place.local, false);
  await place.run('set_role', { person: 'slack:T1/GRANTED', role: 'member' });
  await writeFile(
    join(place.dataDir, 'ecolink.yaml'),
    config((name) => name),
  );
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await hub.close();
  await folder[Symbol.asyncDispose]();
});

async function letterOf(operation: string, input: object, caller: Caller): Promise<string> {
  try {
    await place.run(operation, input, caller);
    return 'y';
  } catch (thrown) {
    return letters[thrown instanceof EcolinkError ? thrown.code : 'unexpected'] ?? 'y';
  }
}

async function lineOf(operation: string, whose: string): Promise<string> {
  const words = [operation, whose];
  for (const role of roles) {
    const subject = subjects.get(whose === 'own' ? `own-${role}` : whose);
    const input = named[operation]?.[whose]?.(role) ?? (subject ? about[operation]?.(subject) : plain[operation]);
    let word = '';
    for (const way of ways) word += await letterOf(operation, input ?? {}, await way(place, role));
    words.push(word);
  }
  return words.join(' ');
}

async function expectedLines(): Promise<string[]> {
  const lines = (await readFile(expected, 'utf8')).split('\n');
  return lines.filter((line) => /^[a-z]/.test(line)).map((line) => line.trim().split(/\s+/).join(' '));
}

test('the table has lines for every operation and for no other', async () => {
  const listed = new Set((await expectedLines()).map((line) => line.split(' ')[0]));
  expect([...listed]).toEqual(catalogue.map((operation) => operation.name));
});

const owners = { '-': 'own', own: 'own', others: 'others', private: 'private' } as const;

test.each(catalogue)('the definition of $name, which docs/roles.md shows, agrees with the table', async (operation) => {
  if (operation.name in named) return;
  for (const [whose, ownership] of Object.entries(owners)) {
    const line = (await expectedLines()).find((each) => each.startsWith(`${operation.name} ${whose} `));
    if (line === undefined) continue;
    // The fifth way is a deciding token over HTTP, which offers every operation.
    const letterOfRole = line
      .split(' ')
      .slice(2)
      .map((word) => word[4]);
    expect(roles[letterOfRole.indexOf('y')]).toBe(roleFor(operation, ownership));
  }
});

test.each(catalogue.map((operation) => operation.name))('%s answers as the table says', async (operation) => {
  const whose = operation in about ? ['own', 'others', 'private'] : Object.keys(named[operation] ?? { '-': 0 });
  const lines: string[] = [];
  for (const each of whose) lines.push(await lineOf(operation, each));
  expect(lines).toEqual((await expectedLines()).filter((line) => line.startsWith(`${operation} `)));
});

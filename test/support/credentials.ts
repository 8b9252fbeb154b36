import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/core/base/caller.ts';
import { inSlack } from './callers.ts';
import { startCore } from './core.ts';
import type { TestCore, TestCoreOptions } from './core.ts';
import { startHub } from './hub/hub.ts';
import type { Hub } from './hub/hub.ts';
import type { HubRepo } from './hub/repo.ts';

/** Ada sits at the terminal; Bob and Cleo are in Slack. */
export const threePeople = `
people:
  - { name: ada, role: admin, identities: [local] }
  - { name: bob, role: member, identities: ["slack:T1/BOB"] }
  - { name: cleo, role: member, identities: ["slack:T1/CLEO"] }
`;

/** An engine that says all that it was given, and then is never ready. */
export const gossip = `
runtimes:
  - name: gossip
    kind: local
    categories: [chat]
    formats: [safetensors]
    command: [sh, -c, 'env; echo "$0" "$@"; exec sleep 60']
    arguments: ['{model_path}', '{served_name}', '{host}', '{port}']
`;

export interface Keeping extends AsyncDisposable {
  hub: Hub;
  /** `acme/gated`. */
  repo: HubRepo;
  place: TestCore;
  ada: Caller;
  bob: Caller;
  cleo: Caller;
  keyFile: string;
}

/** A token of the right shape, unlike any other. */
export function newToken(): string {
  return `hf_${randomBytes(20).toString('hex')}`;
}

/** A core of three people, with a Hub of its own that has the gated repo `acme/gated`, and a key file apart from its data. */
export async function startKeeping(options: TestCoreOptions = {}): Promise<Keeping> {
  await using undo = new AsyncDisposableStack();
  const hub = undo.use(await startHub());
  const files = { 'config.json': '{}', 'model.safetensors': { size: 200_000, seed: 's' } };
  const repo = hub.addRepo('acme/gated', { files, gated: 'manual', gate: { alice: 'accepted', bobby: 'accepted' } });
  const keys = await mkdtemp(join(tmpdir(), 'ecolink-key-'));
  undo.defer(() => rm(keys, { recursive: true, force: true }));
  const keyFile = join(keys, 'key');
  const place = undo.use(
    await startCore({
      ...options,
      config: `${threePeople}${options.config ?? ''}`,
      environment: { HF_ENDPOINT: hub.endpoint, ECOLINK_KEY_FILE: keyFile, ...options.environment },
    }),
  );
  const everything = undo.move();
  // Over plain HTTP, which reaches every operation.
  const overHttp = async (user: string): Promise<Caller> => ({ ...(await inSlack(place.core, user)), source: 'http' });
  return {
    hub,
    repo,
    place,
    ada: place.local,
    bob: await overHttp('BOB'),
    cleo: await overHttp('CLEO'),
    keyFile,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

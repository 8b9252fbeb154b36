import type { WorkKey } from './base/work-key.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccess } from './access/create-access.ts';
import { createPeople } from './access/people/people.ts';
import { checkRegularly } from './access/credentials/check-credentials.ts';
import { createCredentialList } from './access/credentials/credential-list.ts';
import { createCredentials } from './access/credentials/credentials.ts';
import { createManagers } from './access/create-managers.ts';
import { createRoleGrants } from './access/people/role-grants.ts';
import { createApprovals } from './approvals/approvals.ts';
import { sayPolicy } from './approvals/log-policy.ts';
import { createAuditLog } from './audit/audit.ts';
import { HeadFile } from './audit/heads.ts';
import { auditKey } from './audit/key.ts';
import { closeOrphans } from './audit/orphans.ts';
import type { Config } from './config/config.ts';
import { createLiveConfig } from './config/live.ts';
import type { Services } from './operations/services.ts';
import type { Core } from './core.ts';
import { createExecute, createRunner } from './execute.ts';
import { createHub } from './hub/hub.ts';
import { createEndingBoard } from './instances/ending.ts';
import { createInFlight } from './routing/in-flight.ts';
import { createRoutes } from './routing/create-routes.ts';
import { createLaunches } from './instances/instances.ts';
import type { LaunchDeps } from './instances/dependencies.ts';
import { createReconciler } from './reconcile/reconciler.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { Log } from './base/log.ts';
import { systemClock } from './base/clock.ts';
import type { Clock } from './base/clock.ts';
import { createChanges } from './base/create-changes.ts';
import { randomId } from './base/ids.ts';
import type { NewId } from './base/ids.ts';
import { openFleet } from './regions/open-fleet.ts';
import { createRegistry } from './registry/registry.ts';
import { openKeyRing } from './secrets/ring.ts';
import { identityOf } from './store/identity.ts';
import { markUnattended } from './instances/table.ts';
import { lockDataFolder, prepareDataFolder } from './store/folder-lock.ts';
import { openStore } from './store/store.ts';
import { createCache } from './cache/cache.ts';
import type { EvictionPolicy } from './volumes/plan-eviction.ts';

export interface CoreOptions {
  /** True for the server, which owns the data folder and does the work; false for one operation in a client's process. */
  reconcile: boolean;
  clock?: Clock | undefined;
  newId?: NewId | undefined;
}

/** Puts the core together: the one place that knows all its parts. */
export async function createCore(config: Config, log: Log, options: CoreOptions): Promise<Core> {
  const { clock = systemClock, newId = randomId } = options;
  await using undo = new AsyncDisposableStack();
  prepareDataFolder(config.dataDir);
  if (options.reconcile) undo.use(lockDataFolder(config.dataDir));
  const store = undo.use(await openStore(config));
  const now = (): Date => new Date();
  const changes = createChanges();
  const live = undo.use(createLiveConfig(config, log));
  const people = await createPeople({
    live,
    store,
    now,
    serves: options.reconcile,
    installable: config.secrets.slack?.oauth !== undefined,
  });
  const access = createAccess({ people, store, dataDir: config.dataDir, now });
  const ring = await openKeyRing({ store, source: config.secrets.key, log, now });
  const stored = { config, localPersonId: (await access.local()).id, store, ring, now };
  const credentials = createCredentials(stored);
  const inFlight = createInFlight();
  const nudges: { to: Reconciler | undefined } = { to: undefined };
  const nudge = (key: WorkKey): void => nudges.to?.nudge(key);
  const fleet = await openFleet(config, log, await identityOf(store.db), nudge, { clock, newId });
  undo.defer(async () => {
    await Promise.all(fleet.regions().map((region) => region.close()));
  });
  const hub = createHub(config.hub.endpoint);
  const registry = createRegistry({ store, hub, fleet, credentials, changes, now });
  const launchParts: LaunchDeps = { store, fleet, registry, changes, baseUrl: () => serverUrl(config), nudge, now };
  const heads = new HeadFile(join(config.dataDir, 'audit-heads.jsonl'));
  undo.defer(() => heads.close());
  const audit = createAuditLog({ store, key: auditKey(config.secrets.auditKey), heads, now });
  const working = { registry, launches: createLaunches(launchParts), cache: createCache(launchParts), fleet };
  const approvals = createApprovals({
    store,
    access,
    rules: () => live.file(),
    previewing: () => working,
    changes,
    log,
    now,
  });
  const publicUrl = (): string => config.publicUrl ?? serverUrl(config);
  const managers = createManagers({ access, people, audit, store, ring, hub, publicUrl, now });
  const services: Services = {
    ...working,
    audit,
    approvals,
    credentials: createCredentialList(stored),
    roles: createRoleGrants({ people, store, now }),
  };
  const executing = { access, store, services, log, now };
  if (options.reconcile) {
    undo.use(await closeOrphans(audit, log));
    const reconciler = createReconciler({
      store,
      fleet,
      credentials,
      changes,
      inFlight,
      hubEndpoint: config.hub.endpoint,
      audit,
      policy: evictionPolicy(config),
      log,
      now,
    });
    nudges.to = reconciler;
    undo.defer(async () => {
      await reconciler.close();
      await Promise.all(fleet.regions().map((region) => region.endAll()));
      await markUnattended(store, now().toISOString(), localRegions(config));
    });
    await reconciler.start();
    await sayPolicy(live.file(), access, log);
    undo.use(checkRegularly(managers.credentials, log));
    undo.use(await approvals.start(createRunner(executing)));
  }
  const deps = undo.move();
  return {
    config,
    log,
    access,
    ...managers,
    changes,
    routes: createRoutes(store, fleet),
    inFlight,
    approvals: approvals.board,
    endings: createEndingBoard({ store, access, now }),
    execute: createExecute(executing),
    ping: () => store.ping(),
    [Symbol.asyncDispose]: () => deps.disposeAsync(),
  };
}

function evictionPolicy({ cache }: Config): EvictionPolicy {
  return {
    keepDays: cache.keep_days,
    maximumBytes: cache.maximum_gib === undefined ? undefined : cache.maximum_gib * 1024 ** 3,
  };
}

/** What runs elsewhere goes on without this server. */
function localRegions(config: Config): string[] {
  return config.regions.filter((region) => region.kind === 'local').map((region) => region.name);
}

/** Where callers reach the server: what it wrote when it began to listen, else what it would listen on. */
function serverUrl(config: Config): string {
  try {
    return (JSON.parse(readFileSync(join(config.dataDir, 'server.json'), 'utf8')) as { url: string }).url;
  } catch {
    return `http://${config.host}:${config.port}`;
  }
}

import type { WorkKey } from './base/work-key.ts';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createAccess } from './access/create-access.ts';
import { createPeople } from './access/people/people.ts';
import { checkRegularly } from './access/credentials/check-credentials.ts';
import { createCredentialList } from './access/credentials/credential-list.ts';
import { createCredentials } from './access/credentials/credentials.ts';
import { createManagers } from './access/create-managers.ts';
import { needScope } from './access/rights.ts';
import { createRoleGrants } from './access/people/role-grants.ts';
import { createApprovals } from './approvals/approvals.ts';
import { logPolicy } from './approvals/log-policy.ts';
import { createAuditLog } from './audit/audit.ts';
import { HeadFile } from './audit/head-file.ts';
import { auditKey, needAuditKey } from './audit/key.ts';
import { closeInterruptedRows } from './audit/close-interrupted.ts';
import type { Config } from './config/config.ts';
import { createLiveConfig } from './config/live.ts';
import { checkConfigFile } from './config/load.ts';
import { configFileSchema } from './config/schema.ts';
import { operationsForRules } from './operations/catalogue.ts';
import type { Services } from './operations/services.ts';
import type { CallObserver, Core } from './core.ts';
import { approvableOperations, createExecute, createRunner } from './execute.ts';
import { systemClock } from './base/clock.ts';
import { atLeast } from './base/caller.ts';
import type { Caller } from './base/caller.ts';
import type { Change } from './base/changes.ts';
import type { Clock } from './base/clock.ts';
import { randomId } from './base/ids.ts';
import type { NewId } from './base/ids.ts';
import { createHub } from './hub/hub.ts';
import { createEndingBoard } from './instances/ending.ts';
import { createOutbox } from './notify/outbox.ts';
import { createInFlight } from './routing/in-flight.ts';
import { createFeedNumbers } from './routing/feed-numbers.ts';
import { openGatewayKeys } from './routing/gateway-keys.ts';
import type { GatewayKeys } from './routing/gateway-keys.ts';
import { RoutingFeed, directoryOf } from './routing/routing-feed.ts';
import { createRoutingSource } from './routing/routing-source.ts';
import { hashOf } from './access/tokens/token-hash.ts';
import { localToken } from './access/tokens/local-token.ts';
import { noteTokenUses } from './access/tokens/table.ts';
import { durationMs } from './base/duration.ts';
import { createInstances } from './instances/instances.ts';
import { createReconciler } from './reconcile/reconciler.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { Log } from './base/log.ts';
import { createChanges } from './base/create-changes.ts';
import type { Fleet } from './region/fleet.ts';
import type { RegionKind } from './region/kind.ts';
import { regionKinds } from './regions/kinds.ts';
import { openFleet } from './regions/open-fleet.ts';
import { createRegistry } from './registry/registry.ts';
import type { ModelSource } from './registry/sources/source.ts';
import { createSources, modelSources } from './registry/sources/sources.ts';
import { openKeyRing } from './secrets/ring.ts';
import { createSealer } from './secrets/sealer.ts';
import { storeIdOf } from './store/store-id.ts';
import { markUnattended } from './instances/table.ts';
import { lockDataFolder, prepareDataFolder } from './store/folder-lock.ts';
import type { PrivatePlaces } from './store/folder-lock.ts';
import { soleLease } from './store/lease.ts';
import type { Lease } from './store/lease.ts';
import { openLease } from './store/open-lease.ts';
import { openStore } from './store/store.ts';
import type { Store } from './store/store.ts';
import { createCache } from './cache/cache.ts';
import type { EvictionPolicy } from './volumes/plan-eviction.ts';

export interface CoreOptions {
  /** True for the server, which locks the data folder and reconciles. False for one operation in a client's process. */
  reconcile: boolean;
  /** For the server: wait while another server uses the folder or the database. Default: fail at once. */
  waits?: boolean | undefined;
  /** Ends that wait. */
  signal?: AbortSignal | undefined;
  /** For tests that drive the time. */
  clock?: Clock | undefined;
  newId?: NewId | undefined;
  /** The kinds of regions that the configuration may name. Default: the built-in ones. */
  regionKinds?: readonly RegionKind[] | undefined;
  /** The sources that models may come from. Default: the built-in ones. */
  sources?: readonly ModelSource[] | undefined;
}

/** Builds the core from its services. */
export async function createCore(config: Config, log: Log, options: CoreOptions): Promise<Core> {
  await using undo = new AsyncDisposableStack();
  prepareDataFolder(privatePlaces(config), log);
  const { clock = systemClock, newId = randomId, regionKinds: kinds = regionKinds } = options;
  const address: { listens?: string } = {};
  // Callers use the public address. Without one, they use the address at which this server listens.
  const url = (): string => config.publicUrl ?? address.listens ?? `http://${config.host}:${config.port}`;
  const lease = options.reconcile ? undo.use(await claimStore(config, log, { ...options, clock, url })) : soleLease;
  const store = undo.use(await openStore(config));
  await needAuditKey(config.secrets.auditKey, store);
  const now = (): Date => clock.now();
  const changes = createChanges();
  const schema = configFileSchema(
    kinds.map(({ settings }) => settings),
    operationsForRules(),
  );
  // The file was read without the catalogue. A rule that names an operation wrongly would do nothing.
  checkConfigFile(config, schema);
  const live = undo.use(createLiveConfig({ config, log, clock, newId, schema }));
  const people = await createPeople({
    live,
    store,
    now,
    newId,
    serves: options.reconcile,
    installable: config.secrets.slack?.oauth !== undefined,
  });
  const access = createAccess({
    people,
    store,
    dataDir: config.dataDir,
    tokenLimits: () => live.file().tokens,
    now,
    newId,
    changed: () => feed.accessChanged(),
  });
  const ring = await openKeyRing({ store, source: config.secrets.key, log, now });
  const stored = { config, localPersonId: (await access.local()).id, store, ring, now };
  const credentials = createCredentials(stored);
  const inFlight = createInFlight();
  const nudges: { to: Reconciler | undefined } = { to: undefined };
  const nudge = (key: WorkKey): void => nudges.to?.nudge(key);
  const lastingKey = auditKey(config.secrets.auditKey);
  const storeId = await storeIdOf(store.db, newId);
  const fleet = await openFleet({
    config,
    kinds,
    log,
    clock,
    newId,
    store: storeId,
    sealer: createSealer(lastingKey, 'replica keys'),
    nudge,
  });
  undo.defer(async () => {
    await Promise.all(fleet.regions().map((region) => region.close()));
  });
  const openedKeys: { keys?: GatewayKeys } = {};
  const gatewayKeys = (): GatewayKeys => (openedKeys.keys ??= openGatewayKeys(config.dataDir, config.secrets.gateway));
  const localTokenHash = hashOf(localToken(config.dataDir));
  const feed = undo.use(
    new RoutingFeed({
      source: createRoutingSource({ store, fleet, access, localTokenHash }),
      changes,
      live,
      numbers: createFeedNumbers(store),
      storeId,
      signingKey: () => gatewayKeys().signingKey,
      noteUses: (tokens) => noteTokenUses(store.db, tokens, now().toISOString()),
      staleAfterMs: durationMs(config.gateway.stale_after),
      clock,
      log,
    }),
  );
  const hub = createHub(config.hub.endpoint);
  const sources = createSources(options.sources ?? modelSources, { hub, fleet, credentials });
  const registry = createRegistry({ store, fleet, sources, credentials, changes, now, newId });
  const working = { store, fleet, sources, registry, changes, nudge, clock, now };
  const heads = new HeadFile(join(config.dataDir, 'audit-heads.jsonl'), clock, (thrown) =>
    log.error({ err: thrown }, 'the head of the audit log could not be written to its file'),
  );
  undo.defer(() => heads.close());
  const audit = createAuditLog({ store, key: lastingKey, heads, now });
  const approvals = createApprovals({
    store,
    access,
    fleet,
    operations: approvableOperations(access, () => services),
    rules: () => live.file(),
    changes,
    log,
    clock,
    now,
  });
  const managers = createManagers({ access, people, audit, store, ring, hub, publicUrl: url, clock, newId });
  const services: Services = {
    registry,
    instances: createInstances({ ...working, callUrl: url }),
    cache: createCache(working),
    fleet,
    audit,
    approvals,
    credentials: createCredentialList(stored),
    roles: createRoleGrants({ people, store, now, newId }),
  };
  const observers: CallObserver[] = [];
  observers.push((operation) => {
    if (operation === 'set_role') feed.accessChanged();
  });
  const executing = { access, store, services, log, clock, newId, observers };
  if (options.reconcile) {
    // A gateway that starts before it ever asks needs their files.
    gatewayKeys();
    undo.use(await closeInterruptedRows(audit, clock, log));
    const reconciler = createReconciler({
      store,
      lease,
      fleet,
      credentials,
      changes,
      inFlight,
      sources,
      audit,
      policy: evictionPolicy(config),
      log,
      clock,
      now,
      newId,
    });
    nudges.to = reconciler;
    undo.defer(async () => {
      await reconciler.close();
      await Promise.all(fleet.regions().map((region) => region.endAll()));
      // The rows belong to a server that has taken the lease since.
      if (lease.isHeld()) await noteEnd(store, now().toISOString(), fleet, log);
    });
    await reconciler.start();
    await logPolicy(live.file(), access, log);
    undo.use(checkRegularly(managers.credentials, clock, log));
    undo.use(await approvals.start(createRunner(executing)));
  }
  const deps = undo.move();
  return {
    config,
    log,
    access,
    ...managers,
    changes,
    maySee: async (change, caller) =>
      // Admins see everything.
      atLeast(caller.person.role, 'admin') || maySee(services, change, caller),
    ...directoryOf(feed),
    routingFeed: {
      follow: (after, send) => feed.follow(after, send),
      admits: (credential) => gatewayKeys().admits(credential),
      noteUses: (tokens) => tokens.forEach((token) => feed.noteUse(`token:${token}`)),
    },
    inFlight,
    approvals: approvals.board,
    endings: createEndingBoard({ store, access, now }),
    execute: createExecute(executing),
    outbox: createOutbox({ store, now }),
    viewInstance: (id) => services.instances.view(id),
    listensAt(at) {
      address.listens = at;
    },
    needScope: (caller, scope) => needScope(caller, scope),
    observe(observer) {
      observers.push(observer);
    },
    ping: () => store.ping(),
    replaced: lease.taken,
    [Symbol.asyncDispose]: () => deps.disposeAsync(),
  };
}

interface ClaimOptions extends Pick<CoreOptions, 'waits' | 'signal'> {
  clock: Clock;
  url: () => string;
}

/** Makes this server the only one of its data folder and of its database. */
async function claimStore(config: Config, log: Log, options: ClaimOptions): Promise<Lease> {
  const { clock, url, signal, waits = false } = options;
  await using undo = new AsyncDisposableStack();
  undo.use(await lockDataFolder(config.dataDir, { clock, log, signal, waits }));
  const holder = { host: hostname(), pid: process.pid };
  const lease = undo.use(await openLease(config, { clock, log, holder, address: url, waits, signal }));
  const everything = undo.move();
  return { ...lease, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

function maySee({ registry, instances, cache, approvals }: Services, change: Change, caller: Caller): Promise<boolean> {
  switch (change.kind) {
    case 'model':
      return registry.maySee(change.id, caller);
    case 'instance':
      return instances.maySee(Number(change.id), caller);
    case 'volume':
      return cache.maySee(change.id, caller);
    case 'approval':
      return approvals.maySee(Number(change.id), caller);
  }
}

function privatePlaces({ dataDir, secrets, singleUser }: Config): PrivatePlaces {
  const keyFiles = [secrets.key, secrets.auditKey].flatMap(({ value, file }) => (value === undefined ? [file] : []));
  return { dataDir, keyFiles, singleUser };
}

function evictionPolicy({ cache }: Config): EvictionPolicy {
  return {
    keepDays: cache.keep_days,
    maximumBytes: cache.maximum_gib === undefined ? undefined : cache.maximum_gib * 1024 ** 3,
  };
}

/** The next server finds out by itself, so a database that is away does not make the end a failure. */
async function noteEnd(store: Store, at: string, fleet: Fleet, log: Log): Promise<void> {
  await markUnattended(store, at, endingRegions(fleet)).catch((thrown: unknown) => {
    log.warn({ err: thrown }, 'the end of the engines could not be stored; the next start finds out');
  });
}

/** Regions whose replicas end with this server. Those of other regions go on. */
function endingRegions(fleet: Fleet): string[] {
  const ending = fleet.regions().filter(({ capabilities }) => capabilities.endsWithServer);
  return ending.map(({ name }) => name);
}

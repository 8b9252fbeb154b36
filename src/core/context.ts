import type { CredentialList } from './access/credentials-list.ts';
import type { RoleGrants } from './access/role-grants.ts';
import type { Approvals } from './approvals/approvals.ts';
import type { Asking } from './asking.ts';
import type { AuditLog } from './audit/audit.ts';
import type { Launches } from './launch/launches.ts';
import type { Places } from './regions/places.ts';
import type { Registry } from './registry/registry.ts';
import type { Cache } from './volumes/cache.ts';

/** What handlers may use. Each is narrow and knows nothing of who calls it but the caller it is handed. */
export interface Services {
  registry: Registry;
  launches: Launches;
  cache: Cache;
  places: Places;
  audit: AuditLog;
  approvals: Approvals;
  credentials: CredentialList;
  roles: RoleGrants;
}

/** Handed to a handler beside its input. */
export interface OperationContext extends Asking {
  services: Services;
}

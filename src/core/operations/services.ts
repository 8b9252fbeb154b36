import type { CredentialList } from '../access/credentials/credential-list.ts';
import type { RoleGrants } from '../access/people/role-grants.ts';
import type { Approvals } from '../approvals/approvals.ts';
import type { Asking } from '../operation/mutation-context.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Launches } from '../instances/instances.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Cache } from '../cache/cache.ts';

/** What handlers may use. Each is narrow and knows nothing of who calls it but the caller it is handed. */
export interface Services {
  registry: Registry;
  launches: Launches;
  cache: Cache;
  fleet: Fleet;
  audit: AuditLog;
  approvals: Approvals;
  credentials: CredentialList;
  roles: RoleGrants;
}

/** Handed to a handler beside its input. */
export interface OperationContext extends Asking {
  services: Services;
}

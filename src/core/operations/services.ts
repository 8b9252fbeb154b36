import type { CredentialList } from '../access/credentials/credential-list.ts';
import type { RoleGrants } from '../access/people/role-grants.ts';
import type { Approvals } from '../approvals/approvals.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Cache } from '../cache/cache.ts';
import type { Instances } from '../instances/instances.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';

/** The services that operations use. They know no front end. */
export interface Services {
  registry: Registry;
  instances: Instances;
  cache: Cache;
  fleet: Fleet;
  audit: AuditLog;
  approvals: Approvals;
  credentials: CredentialList;
  roles: RoleGrants;
}

import type { Operation } from './operation.ts';
import { approveRequest } from './operations/approve-request.ts';
import { breakGlass } from './operations/break-glass.ts';
import { cancelRequest } from './operations/cancel-request.ts';
import { checkModel } from './operations/check-model.ts';
import { deleteCredential } from './operations/delete-credential.ts';
import { deleteInstance } from './operations/delete-instance.ts';
import { deleteModel } from './operations/delete-model.ts';
import { denyRequest } from './operations/deny-request.ts';
import { evictCache } from './operations/evict-cache.ts';
import { explainPolicy } from './operations/explain-policy.ts';
import { getApproval } from './operations/get-approval.ts';
import { getInstanceLogs } from './operations/get-instance-logs.ts';
import { getInstance } from './operations/get-instance.ts';
import { getModel } from './operations/get-model.ts';
import { launchInstance } from './operations/launch-instance.ts';
import { listApprovals } from './operations/list-approvals.ts';
import { listAudit } from './operations/list-audit.ts';
import { listCache } from './operations/list-cache.ts';
import { listCredentials } from './operations/list-credentials.ts';
import { listFilesystems } from './operations/list-filesystems.ts';
import { listInstances } from './operations/list-instances.ts';
import { listModels } from './operations/list-models.ts';
import { listPeople } from './operations/list-people.ts';
import { listRegions } from './operations/list-regions.ts';
import { pinCache } from './operations/pin-cache.ts';
import { planLaunch } from './operations/plan-launch.ts';
import { prefetchModel } from './operations/prefetch-model.ts';
import { registerModel } from './operations/register-model.ts';
import { restartInstance } from './operations/restart-instance.ts';
import { extendInstance } from './operations/extend-instance.ts';
import { scaleInstance } from './operations/scale-instance.ts';
import { setRole } from './operations/set-role.ts';
import { stopInstance } from './operations/stop-instance.ts';
import { verifyAudit } from './operations/verify-audit.ts';

/** Every operation, in the order in which help, docs and tools show them. Front ends loop over this. */
export const catalogue: readonly Operation[] = [
  checkModel,
  registerModel,
  listModels,
  getModel,
  deleteModel,
  listRegions,
  listFilesystems,
  planLaunch,
  launchInstance,
  listInstances,
  getInstance,
  getInstanceLogs,
  stopInstance,
  restartInstance,
  scaleInstance,
  extendInstance,
  deleteInstance,
  listCache,
  prefetchModel,
  evictCache,
  pinCache,
  listPeople,
  setRole,
  listCredentials,
  deleteCredential,
  listApprovals,
  getApproval,
  cancelRequest,
  approveRequest,
  denyRequest,
  breakGlass,
  explainPolicy,
  listAudit,
  verifyAudit,
];

export function findOperation(name: string): Operation | undefined {
  return catalogue.find((operation) => operation.name === name);
}

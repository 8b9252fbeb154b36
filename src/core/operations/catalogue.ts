import type { Operation } from '../operation/operation.ts';
import { approveRequest } from './approve-request.ts';
import { breakGlass } from './break-glass.ts';
import { cancelRequest } from './cancel-request.ts';
import { checkModel } from './check-model.ts';
import { deleteCredential } from './delete-credential.ts';
import { deleteInstance } from './delete-instance.ts';
import { deleteModel } from './delete-model.ts';
import { denyRequest } from './deny-request.ts';
import { evictCache } from './evict-cache.ts';
import { explainPolicy } from './explain-policy.ts';
import { getApproval } from './get-approval.ts';
import { getInstanceLogs } from './get-instance-logs.ts';
import { getInstance } from './get-instance.ts';
import { getModel } from './get-model.ts';
import { launchInstance } from './launch-instance.ts';
import { listApprovals } from './list-approvals.ts';
import { listAudit } from './list-audit.ts';
import { listCache } from './list-cache.ts';
import { listCredentials } from './list-credentials.ts';
import { listFilesystems } from './list-filesystems.ts';
import { listInstances } from './list-instances.ts';
import { listModels } from './list-models.ts';
import { listPeople } from './list-people.ts';
import { listRegions } from './list-regions.ts';
import { pinCache } from './pin-cache.ts';
import { planLaunch } from './plan-launch.ts';
import { prefetchModel } from './prefetch-model.ts';
import { registerModel } from './register-model.ts';
import { restartInstance } from './restart-instance.ts';
import { extendInstance } from './extend-instance.ts';
import { scaleInstance } from './scale-instance.ts';
import { setRole } from './set-role.ts';
import { stopInstance } from './stop-instance.ts';
import { verifyAudit } from './verify-audit.ts';

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

import type { z } from 'zod';
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
import { verifyCache } from './verify-cache.ts';

import type { OperationForRules } from '../config/policy-names.ts';
import type { DefinedOperation } from './define.ts';
import { destroysAlways } from '../operation/operation.ts';
import type { Operation } from '../operation/operation.ts';

/** Every operation, in the order in which help, docs and tools show them. */
export const operations = {
  check_model: checkModel,
  register_model: registerModel,
  list_models: listModels,
  get_model: getModel,
  delete_model: deleteModel,
  list_regions: listRegions,
  list_filesystems: listFilesystems,
  plan_launch: planLaunch,
  launch_instance: launchInstance,
  list_instances: listInstances,
  get_instance: getInstance,
  get_instance_logs: getInstanceLogs,
  stop_instance: stopInstance,
  restart_instance: restartInstance,
  scale_instance: scaleInstance,
  extend_instance: extendInstance,
  delete_instance: deleteInstance,
  list_cache: listCache,
  verify_cache: verifyCache,
  prefetch_model: prefetchModel,
  evict_cache: evictCache,
  pin_cache: pinCache,
  list_people: listPeople,
  set_role: setRole,
  list_credentials: listCredentials,
  delete_credential: deleteCredential,
  list_approvals: listApprovals,
  get_approval: getApproval,
  cancel_request: cancelRequest,
  approve_request: approveRequest,
  deny_request: denyRequest,
  break_glass: breakGlass,
  explain_policy: explainPolicy,
  list_audit: listAudit,
  verify_audit: verifyAudit,
} as const satisfies Record<string, DefinedOperation>;

type Operations = typeof operations;
export type OperationName = keyof Operations;
/** The input that callers send. */
export type InputOf<N extends OperationName> = z.input<Operations[N]['input']>;
/** The output that callers get. */
export type OutputOf<N extends OperationName> = z.output<Operations[N]['output']>;

/** Front ends loop over this: the operations as data. */
export const catalogue: readonly Operation[] = Object.values(operations);

/** The operations, as the check of the policy's names sees them. */
export function operationsForRules(): OperationForRules[] {
  return catalogue.map((operation) => ({
    name: operation.name,
    heldBack: operation.effect !== 'read' && operation.neverHeldBack !== true,
    destroys: destroysAlways(operation),
  }));
}

export function findOperation(name: string): Operation | undefined {
  return Object.hasOwn(definedOperations, name) ? definedOperations[name] : undefined;
}

const definedOperations: Readonly<Record<string, DefinedOperation>> = operations;

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

/** The operation with its handler. For `execute` alone. */
export function definedOperation(name: string): DefinedOperation | undefined {
  return Object.hasOwn(definedOperations, name) ? definedOperations[name] : undefined;
}

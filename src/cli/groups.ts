export const approvalsGroup = 'Approvals:';
export const peopleGroup = 'People and secrets:';

/** How `--help` orders the commands. An operation that is in no group is listed under `otherOperations`. */
export const operationGroups: Record<string, readonly string[]> = {
  'Models:': ['check_model', 'register_model', 'list_models', 'get_model', 'delete_model'],
  'Instances:': [
    'plan_launch',
    'launch_instance',
    'list_instances',
    'get_instance',
    'get_instance_logs',
    'stop_instance',
    'restart_instance',
    'scale_instance',
    'extend_instance',
    'delete_instance',
  ],
  'Fleet and cached weights:': [
    'list_regions',
    'list_filesystems',
    'list_cache',
    'prefetch_model',
    'evict_cache',
    'pin_cache',
  ],
  [approvalsGroup]: [
    'list_approvals',
    'get_approval',
    'cancel_request',
    'approve_request',
    'deny_request',
    'break_glass',
    'explain_policy',
  ],
  [peopleGroup]: ['list_people', 'set_role', 'list_credentials', 'delete_credential'],
};

export const otherOperations = 'Oversight:';

export function groupOf(operation: string): string {
  const found = Object.entries(operationGroups).find(([, names]) => names.includes(operation));
  return found?.[0] ?? otherOperations;
}

import type { ClusterNode, NodeRequirement, NodeTerm } from '../api/cluster-scoped.ts';

export function matchesSelector(node: ClusterNode, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([name, value]) => node.metadata.labels?.[name] === value);
}

/** How much of a countable resource, such as GPUs, the node offers to pods. */
export function allocatable(node: ClusterNode, resource: string): number {
  return Number(node.status?.allocatable?.[resource] ?? 0);
}

/** True if a volume's node affinity admits the node. As in the scheduler: one term is enough, with all its requirements. */
export function matchesTerms(node: ClusterNode, terms: readonly NodeTerm[]): boolean {
  const { name, labels = {} } = node.metadata;
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    // Kubernetes supports one field only: the name.
    const hasName = matchFields.every((each) => matchesRequirement(name, each));
    return hasName && matchExpressions.every((each) => matchesRequirement(labels[each.key], each));
  });
}

function matchesRequirement(value: string | undefined, { operator, values = [] }: NodeRequirement): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
    default:
      return true;
  }
}

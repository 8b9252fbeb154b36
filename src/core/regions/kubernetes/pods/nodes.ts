import type { V1Node, V1NodeSelectorRequirement, V1NodeSelectorTerm } from '@kubernetes/client-node';

export function fits(node: V1Node, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([name, value]) => node.metadata?.labels?.[name] === value);
}

export function offered(node: V1Node, resource: string): number {
  return Number(node.status?.allocatable?.[resource] ?? 0);
}

/** Whether a node is among those that a volume's affinity lets in. As the scheduler reads it: any term, all of its expressions. */
export function isLetIn(node: V1Node, terms: readonly V1NodeSelectorTerm[]): boolean {
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    const labels = node.metadata?.labels ?? {};
    // The name is the one field that there is.
    const named = matchFields.every((each) => meets(node.metadata?.name, each));
    return named && matchExpressions.every((each) => meets(labels[each.key], each));
  });
}

function meets(value: string | undefined, { operator, values = [] }: V1NodeSelectorRequirement): boolean {
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

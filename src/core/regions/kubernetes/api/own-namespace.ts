import { readFileSync } from 'node:fs';
import { absentIfMissing } from '../../../base/absent.ts';

const file = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The namespace of the pod that this process runs in. Undefined outside a cluster. */
export function ownNamespace(): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (thrown) {
    return absentIfMissing(thrown);
  }
}

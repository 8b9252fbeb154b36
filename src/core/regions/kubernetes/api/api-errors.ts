import { EcolinkError, fail } from '../../../base/errors.ts';
import { run, say } from '../../../base/prose.ts';

/** An answer of the API server that is not a success. Status 0: no answer. */
export interface ApiFailure {
  status: number;
  /** The server's own sentence. */
  message: string;
  reason?: string | undefined;
  /** Seconds that the server asks to wait. */
  retryAfter?: number | undefined;
}

/** An error of the API server. Users see it as any other error; callers in this folder also look at its status. */
export class KubernetesError extends EcolinkError {
  readonly status: number;
  readonly reason: string | undefined;

  constructor(error: EcolinkError, failure: ApiFailure) {
    const { nextStep, retryable } = error;
    super(error.kind, error.code, error.said, { nextStep, retryable, retryAfterSeconds: failure.retryAfter });
    this.status = failure.status;
    this.reason = failure.reason;
  }
}

export function isStatus(thrown: unknown, ...statuses: number[]): boolean {
  return thrown instanceof KubernetesError && statuses.includes(thrown.status);
}

const retriesItself = say`EcoLink tries again by itself. ${run('list_regions')} shows whether the region is reachable.`;

/** `action`: what was asked for, such as "create Job v-1". */
export function apiError(region: string, action: string, failure: ApiFailure): KubernetesError {
  return new KubernetesError(errorFor(region, action, failure), failure);
}

function errorFor(region: string, action: string, failure: ApiFailure): EcolinkError {
  const said = failure.message.replace(/[\s.]+$/, '').slice(0, 500);
  switch (failure.status) {
    case 401:
      return fail('region_unauthenticated', `The region ${region} does not accept EcoLink's credentials.`, {
        nextStep: "Renew the token or certificate of the region's kubeconfig. EcoLink reads it again by itself.",
      });
    case 403:
      return forbidden(region, action, said);
    case 404:
      if (said.startsWith('namespaces ')) return namespaceMissing(region, said);
      return fail('region_object_gone', `EcoLink could not ${action} in the region ${region}: ${said}.`, {
        nextStep: retriesItself,
      });
    case 409:
      return fail('region_conflict', `An object in the region ${region} changed at the same time: ${said}.`, {
        nextStep: retriesItself,
        retryable: true,
      });
    case 410:
      return fail('region_outdated', `The region ${region} no longer has the requested version: ${said}.`, {
        nextStep: retriesItself,
      });
    case 400:
    case 422:
      return fail('region_rejected', `The region ${region} rejects the request to ${action}: ${said}.`, {
        nextStep: "Correct the region's settings in ecolink.yaml that this names.",
      });
    case 429:
      return fail('region_busy', `The API server of the region ${region} asks for fewer requests.`, {
        nextStep: retriesItself,
      });
    case 500:
      return fail('region_error', `The API server of the region ${region} failed: ${said}.`, {
        nextStep: retriesItself,
      });
    default:
      return fail('region_unreachable', `The API server of the region ${region} does not answer: ${said}.`, {
        nextStep: retriesItself,
      });
  }
}

function namespaceMissing(region: string, said: string): EcolinkError {
  const name = /^namespaces "([^"]*)"/.exec(said)?.[1] ?? '';
  return fail('namespace_missing', `The namespace ${name} of the region ${region} does not exist.`, {
    nextStep: `Create it (kubectl create namespace ${name}), or correct the region in ecolink.yaml.`,
  });
}

/** Status 403 has several causes that different people solve: a missing right, a quota, an admission rule. */
function forbidden(region: string, action: string, said: string): EcolinkError {
  if (said.includes('exceeded quota')) {
    return fail('quota_exceeded', `The namespace's quota in the region ${region} is used up: ${said}.`, {
      nextStep: "Stop something in this region, or ask the cluster's administrator for more.",
    });
  }
  // A missing right reads "is forbidden: User …". Other texts come from a rule: LimitRange, PodSecurity, a class.
  if (/violates PodSecurity|admission webhook|denied the request|is forbidden: (?!User )/.test(said)) {
    return fail('admission_denied', `A rule of the cluster in the region ${region} refuses it: ${said}.`, {
      nextStep: "Show this sentence to the cluster's administrator.",
    });
  }
  if (said.includes('is being terminated')) {
    return fail('namespace_terminating', `The namespace of the region ${region} is being deleted.`, {
      nextStep: 'Create it again, or correct the region in ecolink.yaml.',
    });
  }
  return fail('region_forbidden', `EcoLink may not ${action} in the region ${region}: ${said}.`, {
    nextStep: "Grant this right to EcoLink's ServiceAccount. The Helm chart's Role has all rights that EcoLink needs.",
  });
}

import { EcolinkError, fail } from '../../../base/errors.ts';

/** An answer of the API server that is not a success. */
export interface ApiFailure {
  status: number;
  /** The server's own sentence. */
  message: string;
  reason?: string | undefined;
  /** Seconds that it asks to wait. */
  retryAfter?: number | undefined;
}

/** An API error as callers inside this folder tell it apart, and as a user may meet it. */
export class KubernetesError extends EcolinkError {
  readonly status: number;
  readonly reason: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(like: EcolinkError, failure: ApiFailure) {
    super(like.kind, like.code, like.message, { nextStep: like.nextStep, retryable: like.retryable });
    this.status = failure.status;
    this.reason = failure.reason;
    this.retryAfterSeconds = failure.retryAfter;
  }
}

export function isStatus(thrown: unknown, ...statuses: number[]): boolean {
  return thrown instanceof KubernetesError && statuses.includes(thrown.status);
}

const again = 'EcoLink tries again by itself; list-regions shows whether the region is reachable.';

export function apiError(region: string, doing: string, failure: ApiFailure): KubernetesError {
  return new KubernetesError(wordsFor(region, doing, failure), failure);
}

function wordsFor(region: string, doing: string, failure: ApiFailure): EcolinkError {
  const said = failure.message.replace(/[\s.]+$/, '').slice(0, 500);
  switch (failure.status) {
    case 401:
      return fail('region_unauthenticated', `The region ${region} does not accept EcoLink's credentials.`, {
        nextStep: "Renew the token or certificate of the region's kubeconfig; it is read again by itself.",
      });
    case 403:
      return forbidden(region, doing, said);
    case 404:
      if (said.startsWith('namespaces ')) return noNamespace(region, said);
      return fail('region_object_gone', `In the region ${region}, what was to be ${doing} is not there: ${said}.`, {
        nextStep: again,
      });
    case 409:
      return fail('region_conflict', `The region ${region} changed meanwhile: ${said}.`, {
        nextStep: again,
        retryable: true,
      });
    case 410:
      return fail('region_outdated', `The region ${region} no longer has what was asked for: ${said}.`, {
        nextStep: again,
      });
    case 400:
    case 422:
      return fail('region_rejected', `The region ${region} does not take what was to be ${doing}: ${said}.`, {
        nextStep: "Correct the region's settings in ecolink.yaml that this names.",
      });
    case 429:
      return fail('region_busy', `The API server of the region ${region} asks to slow down.`, {
        nextStep: again,
      });
    case 500:
      return fail('region_error', `The API server of the region ${region} failed: ${said}.`, {
        nextStep: again,
      });
    default:
      return fail('region_unreachable', `The API server of the region ${region} does not answer: ${said}.`, {
        nextStep: again,
      });
  }
}

function noNamespace(region: string, said: string): EcolinkError {
  const name = /^namespaces "([^"]*)"/.exec(said)?.[1] ?? '';
  return fail('namespace_missing', `The namespace ${name} of the region ${region} does not exist.`, {
    nextStep: `Make it (kubectl create namespace ${name}), or correct the region in ecolink.yaml.`,
  });
}

/** One status, three causes: a missing right, a quota, an admission rule. They need different people. */
function forbidden(region: string, doing: string, said: string): EcolinkError {
  if (said.includes('exceeded quota')) {
    return fail('quota_exceeded', `The namespace's quota in the region ${region} is used up: ${said}.`, {
      nextStep: 'Stop something there, or ask whoever runs the cluster for more.',
    });
  }
  // A right that is missing reads "is forbidden: User …"; whatever else forbids it is a rule: LimitRange, PodSecurity, a class.
  if (/violates PodSecurity|admission webhook|denied the request|is forbidden: (?!User )/.test(said)) {
    return fail('admission_denied', `A rule of the cluster in the region ${region} refuses it: ${said}.`, {
      nextStep: 'Show the sentence to whoever runs the cluster.',
    });
  }
  if (said.includes('is being terminated')) {
    return fail('namespace_terminating', `The namespace of the region ${region} is being deleted.`, {
      nextStep: 'Make it anew, or correct the region in ecolink.yaml.',
    });
  }
  return fail('region_forbidden', `EcoLink may not do this in the region ${region} (${doing}): ${said}.`, {
    nextStep: "Grant it to EcoLink's ServiceAccount; the Helm chart's Role holds everything that is needed.",
  });
}

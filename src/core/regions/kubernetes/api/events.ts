import type { ReasonCode } from '../../../base/reason-codes.ts';
import type { Reason } from '../../../base/reason.ts';
import type { KubernetesClient } from './client.ts';
import type { ApiObject, LiveOf } from './kinds.ts';

/** A reason that can also be thrown as an error. */
export interface CodedReason extends Reason {
  code: ReasonCode;
}

/** The message of the last warning about an object. Undefined if there is none, or if events may not be read. */
export async function lastWarning(client: KubernetesClient, object: ApiObject): Promise<string | undefined> {
  return (await lastWarningEvent(client, object))?.message;
}

async function lastWarningEvent(client: KubernetesClient, object: ApiObject): Promise<LiveOf<'Event'> | undefined> {
  const fieldSelector = `involvedObject.uid=${object.metadata.uid},type=Warning`;
  const found = await client.list('Event', '', { fieldSelector }).catch(() => undefined);
  return found?.items.toSorted((a, b) => timeOf(a) - timeOf(b)).at(-1);
}

/** Why a pod that has a node does not start its containers. The pod's own status does not say. */
export async function whyNotStarted(client: KubernetesClient, pod: ApiObject): Promise<CodedReason | undefined> {
  const { reason, message } = (await lastWarningEvent(client, pod)) ?? {};
  if (message === undefined) return undefined;
  if (reason === 'FailedMount' || reason === 'FailedAttachVolume')
    return { code: 'volume_not_mounted', message: `The node cannot mount the volume: ${message}` };
  return { code: 'container_not_started', message: `The container cannot be started: ${message}` };
}

function timeOf(event: LiveOf<'Event'>): number {
  const { lastTimestamp, eventTime } = event;
  return Date.parse(String(lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp));
}

/** Why a controller could not create a pod, from the API server's sentence. */
export function whyNotCreated(message: string): CodedReason {
  if (message.includes('exceeded quota'))
    return { code: 'quota_exceeded', message: `The namespace's quota is used up: ${message}` };
  return { code: 'admission_denied', message: `The cluster refuses the pod: ${message}` };
}

import type { CoreV1Event } from '@kubernetes/client-node';
import type { Reason } from '../../../base/reason.ts';
import type { KubernetesClient } from './client.ts';
import type { Held, Live } from './kinds.ts';

/** The last warning about an object, where events may be read; it is a sentence for people, never a state. */
export async function lastWarning(client: KubernetesClient, object: Held): Promise<string | undefined> {
  return (await lastWarningEvent(client, object))?.message;
}

async function lastWarningEvent(client: KubernetesClient, object: Held): Promise<Live<CoreV1Event> | undefined> {
  const selector = `involvedObject.uid=${object.metadata.uid},type=Warning`;
  const found = await client.list<CoreV1Event>('Event', '', { fieldSelector: selector }).catch(() => undefined);
  return found?.items.toSorted((a, b) => timeOf(a) - timeOf(b)).at(-1);
}

/** Why a pod that has its node does not get as far as its containers: pods themselves do not say. */
export async function whyNotBegun(client: KubernetesClient, pod: Held): Promise<Reason | undefined> {
  const { reason, message } = (await lastWarningEvent(client, pod)) ?? {};
  if (message === undefined) return undefined;
  if (reason === 'FailedMount' || reason === 'FailedAttachVolume')
    return { code: 'volume_not_mounted', message: `The node cannot mount the volume: ${message}` };
  return { code: 'container_not_started', message: `The container cannot be started: ${message}` };
}

function timeOf(event: Live<CoreV1Event>): number {
  const { lastTimestamp, eventTime } = event;
  return Date.parse(String(lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp));
}

/** Why a controller could not make a pod: the API server's sentence, told apart by what it says. */
export function whyNotCreated(message: string): Reason {
  if (message.includes('exceeded quota'))
    return { code: 'quota_exceeded', message: `The namespace's quota is used up: ${message}` };
  return { code: 'admission_denied', message: `The cluster refuses the pod: ${message}` };
}

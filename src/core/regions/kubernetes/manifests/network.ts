import type { V1NetworkPolicy, V1PodDisruptionBudget, V1Service } from '@kubernetes/client-node';
import type { Manifest } from '../api/kinds.ts';
import { annotations, metadataFor, serverLabels, workloadName } from '../api/names.ts';
import { portName, selectorOf, workloadLabels } from './render-input.ts';
import type { RenderInput } from './render-input.ts';

/**
 * Makes the EndpointSlices that calls follow. It is headless: nobody would use its address, and clusters have few
 * addresses (a /24 was full at 253 instances).
 */
export function service(input: RenderInput): Manifest<V1Service> {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(input),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      selector: selectorOf(input),
      ports: [{ name: portName, port: 80, targetPort: portName, protocol: 'TCP' }],
    },
  };
}

/**
 * Admits only EcoLink's own pods, of its own namespace if that is known. Calls through the API server's proxy come from
 * the control plane, which no selector can name. For them the engine's port is open to all.
 */
export function networkPolicy(input: RenderInput): Manifest<V1NetworkPolicy> {
  const from = [{ namespaceSelector: serverNamespaceSelector(input), podSelector: { matchLabels: serverLabels } }];
  const ports = [{ port: portName, protocol: 'TCP' }];
  // The API's field is `from`. The library's type has `_from`, which only its own serialiser understands.
  const ingress = [input.config.reach === 'in-cluster' ? { from, ports } : { ports }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(input),
    spec: {
      podSelector: { matchLabels: selectorOf(input) },
      policyTypes: ['Ingress'],
      ingress,
    },
  };
}

/** An empty selector means all namespaces. */
function serverNamespaceSelector({ serverNamespace: name }: RenderInput) {
  return name === undefined ? {} : { matchLabels: { 'kubernetes.io/metadata.name': name } };
}

/** A drain takes one replica at a time. A broken replica stops no drain. */
export function disruptionBudget(input: RenderInput): Manifest<V1PodDisruptionBudget> {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(input),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorOf(input) },
    },
  };
}

function metadataOf({ config, workload }: RenderInput) {
  return metadataFor(config, {
    name: workloadName(workload.instance, config.name),
    labels: workloadLabels(workload),
    annotations: { [annotations.model]: workload.servedName },
  });
}

import type { V1NetworkPolicy, V1PodDisruptionBudget, V1Service } from '@kubernetes/client-node';
import { annotations, metadataFor, serverLabels, workloadName } from '../api/names.ts';
import { portName, selectorOf, workloadLabels } from './served.ts';
import type { Served } from './served.ts';

/**
 * Makes the EndpointSlices that calls follow. Headless: an address of its own would stay unused, and clusters have few
 * (a /24 was full at 253 instances).
 */
export function service(served: Served): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: naming(served),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      selector: selectorOf(served),
      ports: [{ name: portName, port: 80, targetPort: portName, protocol: 'TCP' }],
    },
  };
}

/**
 * Lets EcoLink in and nobody else: pods with its labels, of its own namespace where that is known. Through the API
 * server's proxy calls come from the control plane, which no selector names: there the engine's port stays open.
 */
export function networkPolicy(served: Served): V1NetworkPolicy {
  const from =
    served.config.reach === 'in-cluster'
      ? { from: [{ namespaceSelector: ownNamespace(served), podSelector: { matchLabels: serverLabels } }] }
      : {};
  const spec = {
    podSelector: { matchLabels: selectorOf(served) },
    policyTypes: ['Ingress'],
    ingress: [{ ...from, ports: [{ port: portName, protocol: 'TCP' }] }],
  };
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: naming(served), spec };
}

function ownNamespace({ serverNamespace: name }: Served) {
  return name === undefined ? {} : { matchLabels: { 'kubernetes.io/metadata.name': name } };
}

/** Drains take one replica at a time, and a broken replica stops no drain. */
export function disruptionBudget(served: Served): V1PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: naming(served),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorOf(served) },
    },
  };
}

function naming({ config, workload }: Served) {
  return metadataFor(config, {
    name: workloadName(workload.instance, config.name),
    labels: workloadLabels(workload),
    annotations: { [annotations.model]: workload.servedName },
  });
}

import type {
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1PodDisruptionBudget,
  V1Service,
} from '@kubernetes/client-node';
import type { EgressRule, EngineEgress } from '../../../config/engine-egress.ts';
import type { Manifest } from '../api/kinds.ts';
import { annotations, callingPods, metadataFor, workloadName } from '../api/names.ts';
import { unlessEmpty } from './pods.ts';
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
 * the control plane, which no selector can name. For them the engine's port is open to all. It selects engines only:
 * downloads and pod tasks keep their way to the Hub.
 */
export function networkPolicy(input: RenderInput): Manifest<V1NetworkPolicy> {
  const from = [{ namespaceSelector: serverNamespaceSelector(input), podSelector: callingPods }];
  const ports = [{ port: portName, protocol: 'TCP' }];
  // The API's field is `from`. The library's type has `_from`, which only its own serialiser understands.
  const ingress = [input.config.reach === 'in-cluster' ? { from, ports } : { ports }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(input),
    spec: {
      podSelector: { matchLabels: selectorOf(input) },
      ingress,
      ...egressOf(input.config.engine_egress),
    },
  };
}

function egressOf(allowed: EngineEgress) {
  if (allowed === 'off') return { policyTypes: ['Ingress'] };
  return { policyTypes: ['Ingress', 'Egress'], egress: [dns, ...allowed.map(egressRule)] };
}

/** The name that Kubernetes gives a namespace as a label. */
const namespaceLabel = 'kubernetes.io/metadata.name';

/**
 * The cluster's own DNS, and no other server: port 53 of any address would be a way out. kubeadm, EKS, GKE, AKS and k3s run it in
 * kube-system, OpenShift in openshift-dns on port 5353. NodeLocal DNSCache listens on a fixed address of the node.
 */
const dns: V1NetworkPolicyEgressRule = {
  to: [
    {
      namespaceSelector: {
        matchExpressions: [{ key: namespaceLabel, operator: 'In', values: ['kube-system', 'openshift-dns'] }],
      },
    },
    { ipBlock: { cidr: '169.254.20.10/32' } },
  ],
  ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ port, protocol }))),
};

function egressRule(rule: EgressRule): V1NetworkPolicyEgressRule {
  return { to: [peerOf(rule)], ports: unlessEmpty(rule.ports.map(portOf)) };
}

function peerOf({ cidr, except, namespace_selector: namespaces, pod_selector: pods }: EgressRule) {
  if (cidr !== undefined) return { ipBlock: { cidr, except: unlessEmpty(except) } };
  return { namespaceSelector: selectorWith(namespaces), podSelector: selectorWith(pods) };
}

/** An empty selector selects all. */
function selectorWith(labels: Record<string, string> | undefined) {
  return labels && { matchLabels: unlessEmpty(labels) };
}

function portOf({ port, protocol, ...range }: EgressRule['ports'][number]) {
  return { port, protocol, endPort: 'end_port' in range ? range.end_port : undefined };
}

/** An empty selector means all namespaces. */
function serverNamespaceSelector({ serverNamespace: name }: RenderInput) {
  return name === undefined ? {} : { matchLabels: { [namespaceLabel]: name } };
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

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { systemClock } from '../core/base/clock.ts';
import { fail } from '../core/base/errors.ts';
import type { Terminal } from './output/terminal.ts';

interface AddOptions {
  namespace: string;
  apiProxy?: boolean;
  clusterReader?: boolean;
  context?: string;
  kubeconfig?: string;
  writeKubeconfig?: string;
}

const examples = `
Examples:
  ecolink region add eu --namespace models > region.yaml
  ecolink region add eu --namespace models --context prod-eu --write-kubeconfig ./eu.kubeconfig`;

type Add = (parent: Command, name: string) => Command;

/** `ecolink region add`: not an operation, since it acts as a cluster's administrator and not as EcoLink. */
export function addRegionCommands(program: Command, add: Add, group: string, terminal: Terminal): void {
  const region = add(program, 'region').helpGroup(group);
  region
    .summary('Prepare a namespace of a cluster as a region')
    .description('A Kubernetes region needs a ServiceAccount and a Role in its namespace, and EcoLink a kubeconfig.');
  add(region, 'add')
    .summary('Print what a region needs, or make it')
    .description(
      'Prints the manifests that a region needs. With --write-kubeconfig it applies them as you, and writes a kubeconfig of their ServiceAccount: the ones that EKS and GKE write name programs that EcoLink may not have.',
    )
    .argument('<name>', 'What the region is called in ecolink.yaml.')
    .requiredOption('--namespace <namespace>', 'Where everything will be made. It must exist.')
    .option('--api-proxy', "Also grant what calls through the API server's proxy need.")
    .option('--cluster-reader', 'Also print a ClusterRole that shows free accelerators and storage classes.')
    .option('--context <context>', 'The context to act as; the current one unless given.')
    .option('--kubeconfig <file>', 'The kubeconfig to act with; KUBECONFIG or ~/.kube/config unless given.')
    .option('--write-kubeconfig <file>', 'Apply, and write a kubeconfig here.')
    .addHelpText('after', examples)
    .action((name: string, options: AddOptions) => addRegion(name, options, terminal));
}

async function addRegion(name: string, options: AddOptions, terminal: Terminal): Promise<void> {
  const core = await import('../core/regions/kubernetes/doctor/add-region.ts');
  const { configName } = await import('../core/config/names.ts');
  if (!configName.safeParse(name).success) {
    throw fail('bad_field', `"${name}" cannot be the name of a region.`, {
      nextStep: 'Use 1 to 48 lower-case letters, digits, "." and "-".',
      field: 'name',
    });
  }
  const { namespace, context, kubeconfig, writeKubeconfig } = options;
  const region = {
    name,
    namespace,
    reach: options.apiProxy ? ('api-proxy' as const) : ('in-cluster' as const),
    clusterReader: options.clusterReader === true,
  };
  if (writeKubeconfig === undefined) {
    terminal.out(
      core
        .regionManifests(region)
        .map((manifest) => stringify(manifest))
        .join('---\n')
        .trimEnd(),
    );
    return;
  }
  const made = await core.addRegion(region, { context, kubeconfig, clock: systemClock });
  const file = resolve(writeKubeconfig);
  await writeFile(file, stringify(made), { mode: 0o600 });
  const entry = {
    regions: [
      { name, kind: 'kubernetes', kubeconfig: file, namespace, ecolink_image: '<your registry>/ecolink:<version>' },
    ],
  };
  terminal.out(`Wrote ${file}. In ecolink.yaml:\n\n${stringify(entry).trimEnd()}`);
}

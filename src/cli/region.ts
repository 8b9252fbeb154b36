import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { fail } from '../core/base/errors.ts';
import { configName } from '../core/config/names.ts';
import type { NewRegion } from '../core/doctor.ts';
import { program as programName } from './names.ts';
import type { Terminal } from './output/terminal.ts';
import type { AddCommand } from './sub-command.ts';

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
  ${programName} region add eu --namespace models > region.yaml
  ${programName} region add eu --namespace models --context prod-eu --write-kubeconfig ./eu.kubeconfig`;

/** `ecolink region add`. It is no operation: it uses the rights of a cluster's administrator, not those of EcoLink. */
export function addRegionCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const region = add(program, 'region').helpGroup(group);
  region
    .summary('Prepare a namespace of a cluster as a region')
    .description(
      'A Kubernetes region needs a ServiceAccount and a Role in its namespace. EcoLink needs a kubeconfig for it.',
    );
  add(region, 'add')
    .summary('Print the objects of a region, or make them')
    .description(
      'Prints the manifests that a region needs. With --write-kubeconfig it applies them with your rights, and writes a kubeconfig of their ServiceAccount. Those of EKS and GKE call programs that EcoLink may not have.',
    )
    .argument('<name>', 'The name of the region in ecolink.yaml.')
    .requiredOption('--namespace <namespace>', 'The namespace of the region. It must exist.')
    .option('--api-proxy', "Also grant the rights for calls through the API server's proxy.")
    .option('--cluster-reader', 'Also print a ClusterRole to read free accelerators and storage classes.')
    .option('--context <context>', 'The context of your kubeconfig. Default: the current one.')
    .option('--kubeconfig <file>', 'Your kubeconfig. Default: KUBECONFIG or ~/.kube/config.')
    .option('--write-kubeconfig <file>', 'Apply the manifests and write a kubeconfig to this file.')
    .addHelpText('after', examples)
    .action((name: string, options: AddOptions) => addRegion(name, options, terminal));
}

async function addRegion(name: string, options: AddOptions, terminal: Terminal): Promise<void> {
  if (!configName.safeParse(name).success) {
    throw fail('bad_field', `"${name}" cannot be the name of a region.`, {
      nextStep: 'Use 1 to 48 lower-case letters, digits, "." and "-".',
      field: 'name',
    });
  }
  const core = await import('../core/doctor.ts');
  const { stringify } = await import('yaml');
  const { namespace, context, kubeconfig, writeKubeconfig } = options;
  const region: NewRegion = {
    name,
    namespace,
    reach: options.apiProxy ? 'api-proxy' : 'in-cluster',
    clusterReader: options.clusterReader === true,
  };
  if (writeKubeconfig === undefined) {
    const manifests = await core.regionManifests(region);
    terminal.out(
      manifests
        .map((manifest) => stringify(manifest))
        .join('---\n')
        .trimEnd(),
    );
    return;
  }
  const made = await core.addRegion(region, { context, kubeconfig });
  const file = resolve(writeKubeconfig);
  await writeFile(file, stringify(made), { mode: 0o600 });
  const image = '<your registry>/ecolink:<version>';
  const entry = { name, kind: 'kubernetes', kubeconfig: file, namespace, ecolink_image: image };
  terminal.out(`Wrote ${file}. In ecolink.yaml:\n\n${stringify({ regions: [entry] }).trimEnd()}`);
}

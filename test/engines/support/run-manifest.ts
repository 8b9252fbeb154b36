import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import type { Category } from '../../../src/core/base/categories.ts';
import { kubernetesSettings } from '../../../src/core/config/kubernetes-region.ts';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { modelArguments } from '../../../src/core/runtimes/model-arguments.ts';
import { argumentsOf } from '../../../src/core/runtimes/runtime.ts';
import { servedNameOf } from '../../../src/core/runtimes/served-name.ts';
import { deployment } from '../../../src/core/regions/kubernetes/manifests/workload.ts';
import { freePort } from '../../../src/core/regions/local/ports.ts';
import { defined } from '../../support/defined.ts';

interface ManifestRun {
  runtime: string;
  model: { folder: string; category: Category; family: string };
  /** Of the launch. */
  arguments: string[];
  /** What this machine needs besides. */
  environment: Record<string, string>;
  /** Replaces the command of the image. */
  command: string[];
  /** What the command reads besides the system. */
  readable: string[];
}

/**
 * Runs the container of a Deployment by hand: EcoLink's own argv and environment, as the user of the manifest, with nothing
 * writable but the manifest's volumes. bubblewrap stands for the container.
 */
export async function runManifest({ runtime: name, model, ...run }: ManifestRun) {
  const runtime = defined(builtInKubernetes().find((each) => each.name === name));
  if (runtime.kind !== 'kubernetes') throw new Error(`${name} has no image.`);
  const port = await freePort();
  const words = argumentsOf(runtime, {
    category: model.category,
    contextLength: undefined,
    added: modelArguments(runtime, { category: model.category, family: model.family }, run.arguments),
    arguments: run.arguments,
  });
  const config = kubernetesSettings.schema.parse({
    name: 'eu',
    kind: 'kubernetes',
    namespace: 'models',
    ecolink_image: 'e:1',
    reach: 'in-cluster',
  });
  const { spec } = deployment({
    config,
    workload: {
      instance: 7,
      replicas: 1,
      location: { kind: 'volume', volume: 'v' },
      servedName: servedNameOf(runtime, { name: 'tiny', id: 7 }),
      runtime: name,
      arguments: words,
      generation: 1,
    },
    runtime: { ...runtime, port },
    claim: 'v',
    mountPath: '/model',
    modelPath: '/model',
    modelFolder: '/model',
  });
  const pod = defined(spec?.template.spec);
  const container = defined(pod.containers[0]);
  const variables = (container.env ?? []).flatMap(({ name: variable, value }) => ['--setenv', variable, value ?? '']);
  const mounts = defined(container.volumeMounts).filter(({ readOnly }) => !readOnly);
  const extra = Object.entries(run.environment).flatMap(([variable, value]) => ['--setenv', variable, value]);
  const system = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/etc', ...run.readable];
  const child = spawn(
    'bwrap',
    [
      ...[
        '--unshare-user',
        '--uid',
        String(pod.securityContext?.runAsUser),
        '--gid',
        '0',
        '--unshare-pid',
        '--die-with-parent',
      ],
      ...system.flatMap((path) => ['--ro-bind-try', path, path]),
      ...['--ro-bind', '/sys', '/sys', '--proc', '/proc', '--dev', '/dev', '--ro-bind', model.folder, '/model'],
      ...mounts.flatMap(({ mountPath }) => ['--tmpfs', mountPath]),
      ...[
        '--remount-ro',
        '/',
        '--clearenv',
        '--setenv',
        'PATH',
        '/usr/local/bin:/usr/bin:/bin',
        ...variables,
        ...extra,
      ],
      ...['--', ...run.command, ...defined(container.args)],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const url = `http://127.0.0.1:${port}`;
  const health = async (): Promise<number | string> => {
    if (child.exitCode !== null) return output.slice(-3000);
    return fetch(`${url}${runtime.health}`).then(
      ({ status }) => status,
      () => 0,
    );
  };
  return {
    url,
    output: () => output,
    healthy: (timeout: number) => expect.poll(health, { timeout, interval: 500 }).toBe(200),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

import type { V1Job, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { isImageAllowed } from '../../../../src/core/runtimes/allowed-images.ts';
import { isSubset } from '../../../../src/core/regions/kubernetes/api/is-subset.ts';
import { failureOf } from '../../../../src/core/regions/kubernetes/volumes/download-state.ts';
import type { Live } from '../../../../src/core/regions/kubernetes/api/kinds.ts';
import { escapeVariables } from '../../../../src/core/regions/kubernetes/manifests/pods.ts';
import { claimBytes } from '../../../../src/core/regions/kubernetes/manifests/volume.ts';
import { startSeconds } from '../../../../src/core/regions/kubernetes/manifests/workload.ts';
import { annotations, labels, nameFor, workloadName } from '../../../../src/core/regions/kubernetes/api/names.ts';
import { crashesOf, problemOf } from '../../../../src/core/regions/kubernetes/pods/pod-problems.ts';
import { labelledClaims } from '../../../../src/core/regions/kubernetes/filesystems/shared-claims.ts';

const gib = 1024 ** 3;

describe('names', () => {
  test.for(['eu', 'eu-west.1', 'a'.repeat(48), `${'a'.repeat(47)}b`])(
    'of the region %s are DNS labels that differ',
    (region) => {
      const name = workloadName(123_456_789, region);
      expect(name).toMatch(/^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$/);
      expect(name).not.toBe(workloadName(123_456_789, `${region}0`));
    },
  );

  test('that are short stay unchanged', () => {
    expect(workloadName(7, 'eu')).toBe('instance-7-eu');
    expect(nameFor('eu.west')).not.toBe(nameFor('eu-west'));
  });
});

test.for([
  ['/mnt/models', true],
  ['/opt/models', true],
  ['/home/team/', true],
  ['/opt', false],
  ['/app/', false],
  ['/var/run/models', false],
  ['//usr//bin', false],
  ['/./etc', false],
  ['/mnt/../etc', false],
  ['/', false],
  ['mnt', false],
] as const)('a labelled claim that asks for %s: %s', ([path, taken]) => {
  const metadata = {
    name: 'c',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-11-25T00:00:00Z',
    labels: { [labels.filesystem]: 'team' },
    annotations: { [annotations.mountPath]: path },
  };
  const claim = { metadata, spec: { accessModes: ['ReadWriteMany'] } } as Live<V1PersistentVolumeClaim>;
  expect(labelledClaims([claim], []).map(({ problem }) => problem?.code)).toEqual([
    taken ? undefined : 'bad_mount_path',
  ]);
});

test('a claim holds the files, a tenth more and a GiB', () => {
  expect(claimBytes(0)).toBe(gib);
  expect(claimBytes(100 * gib)).toBe(111 * gib);
});

test('a start may take as long as reading the weights', () => {
  expect(startSeconds(0)).toBe(600);
  expect(startSeconds(140e9)).toBe(600 + 2800);
});

test('a word that looks like a Kubernetes variable reaches the engine unchanged', () => {
  expect(escapeVariables('$(HOME) costs $5 ($)')).toBe('$$(HOME) costs $5 ($)');
});

describe('drift', () => {
  const rendered = { a: 1, list: ['x', 'y'], named: [{ name: 'engine', image: 'i:1' }], empty: {} };

  test.for([
    [
      'what the server filled in',
      { ...rendered, status: {}, named: [{ name: 'engine', image: 'i:1', pullPolicy: 'Always' }] },
    ],
    ['what a webhook added by name', { ...rendered, named: [{ name: 'sidecar' }, { name: 'engine', image: 'i:1' }] }],
    ['an empty field that was dropped', { a: 1, list: ['x', 'y'], named: rendered.named }],
  ] as const)('is not %s', ([, live]) => {
    expect(isSubset(rendered, live)).toBe(true);
  });

  test.for([
    ['another value', { ...rendered, a: 2 }],
    ['another image', { ...rendered, named: [{ name: 'engine', image: 'i:2' }] }],
    ['a word more in a list', { ...rendered, list: ['x', 'y', 'z'] }],
    ['a field that went', { list: ['x', 'y'], named: rendered.named }],
  ] as const)('is %s', ([, live]) => {
    expect(isSubset(rendered, live)).toBe(false);
  });
});

test.for([
  ['ghcr.io/team/engine:1', true],
  ['ghcr.io/team/sub/engine@sha256:abc', true],
  ['ghcr.io/other/engine:1', false],
  ['evil.test/ghcr.io/team/engine:1', false],
  ['vllm/vllm-openai:v1', true],
  ['vllm/vllm-openaiXv1', false],
] as const)('whether the image %s is allowed: %s', ([image, allowed]) => {
  expect(isImageAllowed(image, ['ghcr.io/team/*', 'vllm/vllm-openai:v1'])).toBe(allowed);
});

const job = {
  metadata: { name: 'v-1' },
  status: { conditions: [{ type: 'Failed', status: 'True', message: 'too many' }] },
};

function podThatEnded(terminated: object): Live<V1Pod> {
  const containerStatuses = [{ name: 'pull', image: 'i', state: { terminated } }];
  return {
    metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: { phase: 'Failed', containerStatuses },
  } as unknown as Live<V1Pod>;
}

test.for([
  [
    'the event that the pull printed last',
    podThatEnded({ exitCode: 20, message: '{"type":"failed","code":"gated_repo","message":"m","retryable":false}' }),
    'gated_repo',
    false,
  ],
  [
    'the exit status, where the log is cut',
    podThatEnded({ exitCode: 10, message: '"failed","code":"hub_un' }),
    'hub_unreachable',
    true,
  ],
  [
    'the kernel, that killed it for memory',
    podThatEnded({ exitCode: 137, reason: 'OOMKilled' }),
    'out_of_memory',
    false,
  ],
  ['a kill of another kind', podThatEnded({ exitCode: 137 }), 'killed', true],
] as const)('a failed download is explained by %s', ([, pod, code, retryable]) => {
  expect(failureOf(job as unknown as Live<V1Job>, [pod])).toMatchObject({ code, retryable });
});

test('without a pod, the Job explains a failed download', () => {
  expect(failureOf(job as unknown as Live<V1Job>, [])).toMatchObject({
    code: 'interrupted',
    message: expect.stringContaining('too many') as string,
  });
});

const digest = `sha256:${'a'.repeat(64)}`;

test('a digest behind a tag is allowed if the tag is; a digest alone must be listed itself', () => {
  expect(isImageAllowed(`vllm/vllm-openai:v1@${digest}`, ['vllm/vllm-openai:v1'])).toBe(true);
  expect(isImageAllowed(`vllm/vllm-openai:v2@${digest}`, ['vllm/vllm-openai:v1'])).toBe(false);
  expect(isImageAllowed(`vllm/vllm-openai@${digest}`, ['vllm/vllm-openai:v1'])).toBe(false);
  expect(isImageAllowed(`vllm/vllm-openai@${digest}`, [`vllm/vllm-openai@${digest}`])).toBe(true);
});

function enginePod(status: object): Live<V1Pod> {
  const startupProbe = { periodSeconds: 2, failureThreshold: 300 };
  return {
    metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [{ name: 'engine', image: 'e:1', startupProbe }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'engine', image: 'e:1', ready: false, ...status }] },
  } as unknown as Live<V1Pod>;
}

function run(minutes: number): object {
  const finishedAt = new Date(Date.UTC(2026, 0, 2)).toISOString();
  const startedAt = new Date(Date.UTC(2026, 0, 2) - minutes * 60_000).toISOString();
  return { terminated: { exitCode: 1, message: 'Traceback\nValueError: bad layer', startedAt, finishedAt } };
}

const backOff = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } };

describe('ends of an engine', () => {
  test('in a row are a crash loop, explained by the last lines of its log', () => {
    const pod = enginePod({ restartCount: 4, state: backOff, lastState: run(1) });
    expect(crashesOf(pod)).toBe(4);
    expect(problemOf(pod)).toMatchObject({
      code: 'crash_loop',
      message: expect.stringContaining('ValueError: bad layer') as string,
    });
  });

  test('are trouble with status 0 too: vLLM ends so when a worker was killed', () => {
    const { terminated } = run(1) as { terminated: object };
    const lastState = { terminated: { ...terminated, exitCode: 0 } };
    const pod = enginePod({ name: 'engine', restartCount: 1, state: backOff, lastState });
    expect(problemOf(pod)).toMatchObject({ code: 'crashed', message: expect.stringContaining('status 0') as string });
  });

  test('start a new count after the engine has served', () => {
    const pod = enginePod({ restartCount: 9, state: backOff, lastState: run(60) });
    expect(crashesOf(pod)).toBe(1);
    expect(problemOf(pod)).toMatchObject({ code: 'crashed' });
  });

  test('do not matter once the engine runs again', () => {
    const running = { state: { running: {} }, started: true, restartCount: 9, lastState: run(1) };
    expect(crashesOf(enginePod({ ...running, ready: true }))).toBe(0);
    expect(problemOf(enginePod({ ...running, ready: true }))).toBeUndefined();
    expect(problemOf(enginePod(running))).toMatchObject({ code: 'not_ready' });
  });
});

test('a pod that runs has no problem', () => {
  const pod = {
    metadata: { name: 'p' },
    status: { phase: 'Running', conditions: [{ type: 'PodScheduled', status: 'True' }] },
  };
  expect(problemOf(pod as unknown as Live<V1Pod>)).toBeUndefined();
});

test('an incomplete volume is reported in words, not in the JSON that the check printed', () => {
  const error = {
    code: 'volume_incomplete',
    message: '/model holds no complete download.',
    retryable: true,
    next_step: 'Download the model again.',
  };
  const terminated = { exitCode: 1, message: `${JSON.stringify({ error })}\n` };
  const initContainerStatuses = [{ name: 'check', image: 'e:1', restartCount: 1, state: { terminated } }];
  const pod = { metadata: { name: 'p' }, status: { phase: 'Pending', initContainerStatuses } };
  expect(problemOf(pod as unknown as Live<V1Pod>)).toEqual({
    code: 'volume_incomplete',
    message: '/model holds no complete download.',
    final: false,
  });
});

test('a folder that cannot be shown to an engine alone is reported in words, also if an older image checks it', () => {
  const error = {
    code: 'link_leads_out',
    message: 'The path "team/tiny" contains a symbolic link.',
    retryable: false,
    next_step: 'Put the files there.',
  };
  const podWith = (message: string) => {
    const terminated = { exitCode: 1, message };
    const initContainerStatuses = [{ name: 'check-folder', image: 'e:1', restartCount: 1, state: { terminated } }];
    return { metadata: { name: 'p' }, status: { phase: 'Pending', initContainerStatuses } } as unknown as Live<V1Pod>;
  };
  expect(problemOf(podWith(`${JSON.stringify({ error })}\n`))).toEqual({
    code: 'folder_refused',
    message: error.message,
    final: false,
  });
  expect(problemOf(podWith('error[unknown_command]: no command'))).toMatchObject({
    code: 'folder_refused',
    message: expect.stringContaining('ecolink_image'),
  });
});

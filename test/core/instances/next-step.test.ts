import { describe, expect, test } from 'vitest';
import { nextOf, plainWords } from '../../../src/core/base/prose.ts';
import { reasonCodes } from '../../../src/core/base/reason-codes.ts';
import { failureOf } from '../../../src/core/instances/failure.ts';
import type { Instance, InstanceRegion } from '../../../src/core/instances/instance.ts';
import { nextStepOf } from '../../../src/core/instances/next-step.ts';
import { instanceStates, isAllSettled, wholeState } from '../../../src/core/instances/states.ts';
import type { InstanceState } from '../../../src/core/instances/states.ts';
import { findOperation } from '../../../src/core/operations/catalogue.ts';
import { parseInput } from '../../../src/core/operation/parse-input.ts';

const at = '2026-01-01T00:00:00.000Z';

function aRegion(region: string, state: InstanceState, code?: string): InstanceRegion {
  const reason = code === undefined ? undefined : { code, message: 'the words of an engine' };
  return { region, state, ready: 0, restarts: 0, urls: [], updatedAt: at, reason };
}

function anInstance(...regions: InstanceRegion[]): Instance {
  return {
    id: 3,
    name: 'tiny',
    registryModelId: 'mod_1',
    desired: 'running',
    spec: { replicas: 1, regions: [], gateway: true } as unknown as Instance['spec'],
    generation: 1,
    state: wholeState(regions.map(({ state }) => state)),
    ready: 0,
    owner: 'per_1',
    ownerName: 'alice',
    private: false,
    createdAt: at,
    startedAt: at,
    regions,
  };
}

function situation(instance: Instance, more: Partial<Parameters<typeof nextStepOf>[0]> = {}) {
  const settled = isAllSettled(
    instance.state,
    instance.regions.map(({ state }) => state),
  );
  return { instance, settled, progress: undefined, call: undefined, failure: failureOf(instance, 'tiny'), ...more };
}

describe('the next step of an instance', () => {
  const onTheWay = new Set<InstanceState>(['pending', 'downloading', 'starting', 'stopping']);

  test.each(instanceStates)('is to wait exactly while it is on its way: %s', (state) => {
    const next = nextOf(nextStepOf(situation(anInstance(aRegion('eu', state)))));
    const waits = next?.operation === 'get_instance' && next.input?.['wait_seconds'] === 25;
    expect(waits).toBe(onTheWay.has(state));
  });

  test('is to wait while one of two regions is on its way, though the whole is degraded', () => {
    const instance = anInstance(aRegion('eu', 'running'), aRegion('us', 'downloading'));
    expect(instance.state).toBe('degraded');
    const step = nextStepOf(situation(instance, { call: { url: 'http://h/v1/chat/completions' } }));
    expect(nextOf(step)).toMatchObject({ operation: 'get_instance', input: { instance: 3, wait_seconds: 25 } });
    expect(plainWords(step)).toContain('http://h/v1/chat/completions already answers');
  });

  test('sends the reader away if more than five minutes remain', () => {
    const progress = { done: 1e9, total: 9e9, rate: 1e7, seconds_left: 800 };
    const step = nextStepOf(situation(anInstance(aRegion('eu', 'downloading')), { progress }));
    expect(nextOf(step)).toBeUndefined();
    expect(plainWords(step)).toContain('about 14 more minutes');
  });

  test('of a running instance is a call with the whole URL, the model id and how to get a token', () => {
    const call = { url: 'http://h/v1/embeddings' };
    const step = nextStepOf(situation(anInstance(aRegion('eu', 'running')), { call }));
    expect(nextOf(step)).toBeUndefined();
    for (const word of [call.url, 'tiny:3', 'scope "call"']) expect(plainWords(step)).toContain(word);
  });

  test.each(Object.keys(reasonCodes))('after the failure %s is a call that exists, or says who must act', (code) => {
    const instance = anInstance(aRegion('eu', 'running'), aRegion('us', 'failed', code));
    const { failure } = situation(instance);
    expect(failure).toMatchObject({ code, region: 'us', message: 'the words of an engine' });
    const step = failure?.next_step ?? '';
    expect(plainWords(step)).not.toContain('the words of an engine');
    const next = nextOf(step);
    if (!next) return expect(plainWords(step)).toMatch(/admin|person|restart_instance/);
    const operation = findOperation(next.operation);
    expect(operation && parseInput(operation, next.input)).toBeDefined();
  });
});

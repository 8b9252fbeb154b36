import { expect, test } from 'vitest';
import { readQuickLaunch } from '../../src/slack/launch/quick-arguments.ts';

const known = {
  regions: ['eu-west', 'us-east', 'local'],
  accelerators: ['h100', 'a100-80gb', 'gfx90x2'],
  runtimes: ['vllm', 'llama.cpp'],
};

test.each([
  ['llama', { model: 'llama' }, []],
  [
    'llama 2xh100 eu-west 8h "demo"',
    { model: 'llama', accelerators: 'h100:2', regions: ['eu-west'], stop_after: '8h', reason: 'demo' },
    [],
  ],
  [
    '8h “for the demo” EU-West llama 2×H100',
    { model: 'llama', accelerators: 'h100:2', regions: ['eu-west'], stop_after: '8h', reason: 'for the demo' },
    [],
  ],
  [
    'llama h100 eu-west us-east private',
    { model: 'llama', accelerators: 'h100:1', regions: ['eu-west', 'us-east'], private: true },
    [],
  ],
  [
    'llama a100-80gb:4 vllm replicas=3',
    { model: 'llama', accelerators: 'a100-80gb:4', runtime: 'vllm', replicas: '3' },
    [],
  ],
  ['llama h100x8', { model: 'llama', accelerators: 'h100:8' }, []],
  ['llama gfx90x2', { model: 'llama', accelerators: 'gfx90x2:1' }, []],
  ['llama 2xb200 mars 8h 9h', { model: 'llama', stop_after: '8h' }, ['2xb200', 'mars', '9h']],
  ['', {}, []],
])('%s', (typed, choices, unclear) => {
  expect(readQuickLaunch(typed, known)).toEqual({ choices, unclear });
});

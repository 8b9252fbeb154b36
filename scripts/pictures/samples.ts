import type { OutputOf } from '../../src/core/operations/catalogue.ts';
import type { Choice } from '../../src/slack/forms/field-block.ts';
import type { PlanFacts } from '../../src/slack/launch/plan-view.ts';

type Item<N extends 'list_models' | 'list_regions' | 'list_cache' | 'list_approvals'> = OutputOf<N>['items'][number];

const at = '2026-03-02T09:30:00Z';

const llama: Item<'list_models'> = {
  name: 'llama-70b',
  source: 'huggingface',
  category: 'chat',
  origin: 'meta-llama/Llama-3.3-70B-Instruct',
  commit: '6f6073b423013f6a7d4d9f39144961bfbfbc386b',
  format: 'safetensors',
  bytes: 141e9,
  owner: 'ada',
  created_at: at,
};

export const models: Item<'list_models'>[] = [
  { ...llama, name: 'bge-m3', category: 'embedding', origin: 'BAAI/bge-m3', bytes: 2.3e9 },
  llama,
  {
    ...llama,
    name: 'our-model',
    source: 'filesystem',
    origin: 'shared-models: teams/nlp/our-model',
    bytes: 16e9,
    region: 'eu-west',
  },
  { ...llama, name: 'qwen-small', origin: 'Qwen/Qwen2.5-0.5B-Instruct', bytes: 0.99e9 },
];

export const model: OutputOf<'get_model'> = {
  ...llama,
  licence: 'llama3.3',
  gated: true,
  private: false,
  include: [],
  exclude: [],
  files: [],
  file_count: 37,
  memory_bytes: 160e9,
  warnings: [],
  left_out: [],
  instances: [{ id: 3, state: 'running' }],
};

const h100 = { name: 'h100', total: 16, free: 9, price_per_hour: 2.9 };
const region: Item<'list_regions'> = {
  name: 'eu-west',
  kind: 'kubernetes',
  reachable: true,
  accelerators: [h100, { name: 'l40s', total: 8, free: 8, price_per_hour: 0.9 }],
  storage_free_bytes: 8.2e12,
  missing_permissions: [],
  runtimes: ['vllm', 'sglang', 'tei'],
};
export const regions: Item<'list_regions'>[] = [
  region,
  { ...region, name: 'us-east', accelerators: [{ ...h100, free: 0 }], storage_free_bytes: 3.1e12 },
  { ...region, name: 'ap-south', reachable: false, reason: 'its API server does not answer', accelerators: [] },
  { ...region, name: 'local', kind: 'local', accelerators: [], storage_free_bytes: 0.4e12, runtimes: ['llama.cpp'] },
];

const volume: Item<'list_cache'> = {
  volume: 'v-1',
  region: 'eu-west',
  repo: 'meta-llama/Llama-3.3-70B-Instruct',
  commit: '6f6073b423013f6a7d4d9f39144961bfbfbc386b',
  state: 'ready',
  bytes: 141e9,
  in_use_by: [3],
  pinned: false,
};
export const volumes: Item<'list_cache'>[] = [
  volume,
  { ...volume, volume: 'v-2', repo: 'BAAI/bge-m3', commit: '5617a9f61b', bytes: 2.3e9, in_use_by: [] },
  {
    ...volume,
    volume: 'v-3',
    region: 'us-east',
    state: 'downloading',
    in_use_by: [7],
    progress: { done: 55e9, total: 141e9, rate: 1.1e9, seconds_left: 78 },
  },
];

const fit = { region: 'eu-west', runtime: 'vllm', accelerator: 'h100', free: 9 };
export const plan: OutputOf<'plan_launch'> = {
  model: 'llama-70b',
  regions: [
    {
      region: 'eu-west',
      volume: { state: 'miss', bytes_to_fetch: 141e9 },
      replicas: 1,
      runtime: 'vllm',
      arguments: [],
      accelerator: 'h100',
      accelerator_count: 8,
      memory_bytes: 160e9,
      context_length: 131_072,
      cost_per_hour: 23.2,
      estimated_seconds: 260,
      estimated_seconds_p90: 540,
      estimate_basis: 'history',
    },
  ],
  failover: false,
  cost_per_hour: 23.2,
  bytes_to_fetch: 141e9,
  warnings: ['With one region there is no failover.'],
  fits: [
    { ...fit, count: 4, context_length: 32_768, cost_per_hour: 11.6 },
    { ...fit, count: 8, context_length: 131_072, cost_per_hour: 23.2 },
  ],
  left_out: [],
  changes: [],
  digest: 'sha256:0c5e',
};

export const running: PlanFacts['running'] = [{ model_id: 'llama-70b:3', state: 'running', regions: ['us-east'] }];

export const checked: OutputOf<'check_model'> = {
  source: 'huggingface',
  repo: 'Qwen/Qwen2.5-0.5B-Instruct',
  commit: '7ae557604adf67be50417f59c2c2f167def9a775',
  bytes: 0.99e9,
  file_count: 8,
  files: [],
  format: 'safetensors',
  formats: ['safetensors'],
  gated: false,
  downloadable: true,
  licence: 'apache-2.0',
  category: 'chat',
  category_reason: 'its pipeline tag is text-generation',
  runtimes: [{ region: 'eu-west', runtime: 'vllm' }],
  memory_bytes: 2.4e9,
  fits: [
    { ...fit, count: 1, context_length: 32_768, cost_per_hour: 2.9 },
    { ...fit, accelerator: 'l40s', count: 1, context_length: 32_768, cost_per_hour: 0.9 },
  ],
  warnings: [],
  left_out: [],
  entries: [],
};

export const credentials: Choice[] = [
  { value: 'mine', label: 'mine', about: 'yours · ada' },
  { value: 'team', label: 'team', about: 'shared by grace · acme' },
];
export const filesystems: Choice[] = [
  { value: 'shared-models', label: 'shared-models', about: 'eu-west · /mnt/models' },
];

const instance: OutputOf<'get_instance'> = {
  id: 3,
  model_id: 'llama-70b:3',
  model: 'llama-70b',
  category: 'chat',
  state: 'running',
  regions: [{ region: 'us-east', state: 'running', replicas: 1, ready: 1, restarts: 0 }],
  replicas: 1,
  ready: 1,
  owner: 'ada',
  created_at: at,
  runtime: 'vllm',
  arguments: [],
  private: false,
  stop_at: '2026-03-06T17:00:00Z',
  url: 'https://models.example/v1',
};
export const instances: OutputOf<'get_instance'>[] = [
  instance,
  { ...instance, id: 5, model_id: 'bge-m3:5', model: 'bge-m3', state: 'stopped', ready: 0, stop_at: undefined },
];

const request: Item<'list_approvals'> = {
  id: 12,
  state: 'pending',
  operation: 'launch_instance',
  what: 'Launch llama-70b',
  requester: 'alan',
  agent: true,
  asked_at: at,
  expires_at: '2026-03-05T09:30:00Z',
};
export const approval: OutputOf<'get_approval'> = {
  ...request,
  summary: [
    'Launch llama-70b on 8 × h100 in eu-west',
    'Cost: 23.2 per hour',
    'Stops by itself after 8h',
    'Reason: demo for the customer',
  ],
  input: '{}',
  digest: 'sha256:0c5e',
  rule: 'large launches',
  identity: 'token:t1',
  approvers: ['ada'],
  quorum: 1,
  missing: 1,
  votes: [],
  broken_glass: false,
  private: false,
  next_step: '',
};
export const decided: Item<'list_approvals'>[] = [
  { ...request, id: 11, state: 'done', what: 'Launch bge-m3', requester: 'grace', agent: false },
  { ...request, id: 9, state: 'denied', what: 'Launch llama-70b in two regions' },
];

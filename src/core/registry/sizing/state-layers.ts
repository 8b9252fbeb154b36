import type { StateLayer } from './cache-layers.ts';
import type { ModelFacts, ModelShape } from './model-facts.ts';

type State = Omit<StateLayer, 'kind' | 'pages' | 'recurrentBytes'> & { recurrentBytes?: number };
type ReadState = (facts: ModelFacts, shape: ModelShape) => State | undefined;

/** Field names of Mamba-2 figures, which every family spells in its own way. */
interface Mamba2Names {
  heads: string;
  headDim: string;
  groups: string;
  width: string;
  kernel: string;
}

const commonNames: Mamba2Names = {
  heads: 'mamba_n_heads',
  headDim: 'mamba_d_head',
  groups: 'mamba_n_groups',
  width: 'mamba_d_state',
  kernel: 'mamba_d_conv',
};

const mamba2Families = new Map<string, Mamba2Names>(
  Object.entries({
    bamba: commonNames,
    falcon_h1: commonNames,
    granitemoehybrid: commonNames,
    mamba2: { heads: 'num_heads', headDim: 'head_dim', groups: 'n_groups', width: 'state_size', kernel: 'conv_kernel' },
    nemotron_h: {
      heads: 'mamba_num_heads',
      headDim: 'mamba_head_dim',
      groups: 'n_groups',
      width: 'ssm_state_size',
      kernel: 'conv_kernel',
    },
    zamba2: { ...commonNames, heads: 'n_mamba_heads', headDim: 'mamba_headdim', groups: 'mamba_ngroups' },
  }),
);

const otherFamilies = new Map<string, ReadState>(
  Object.entries({
    falcon_mamba: mambaState,
    jamba: mambaState,
    kimi_linear: kimiDeltaState,
    lfm2: convolutionState,
    lfm2_moe: convolutionState,
    mamba: mambaState,
    minimax: lightningState,
  }),
);

/** The state of a layer that keeps one; undefined if the family or one of its figures is unknown. */
export function stateLayerOf(facts: ModelFacts, shape: ModelShape): StateLayer | undefined {
  const names = mamba2Families.get(facts.family ?? '');
  const state = names
    ? mamba2State(facts, names, shape)
    : (otherFamilies.get(facts.family ?? '') ?? gatedDeltaState)(facts, shape);
  // Prefix caching keeps the last two states, and for Mamba-2 a checkpoint inside a prefill.
  return state && { kind: 'state', recurrentBytes: recurrentBytesOf(facts), ...state, pages: names ? 3 : 2 };
}

/**
 * 32 bits unless the config names another type. vLLM keeps them so on CPUs, and SGLang and llama.cpp everywhere; vLLM on
 * CUDA keeps the model's own type if the config names none, which takes up to half as much.
 */
function recurrentBytesOf({ fields }: ModelFacts): number {
  const named = fields.word('mamba_ssm_cache_dtype') ?? fields.word('mamba_ssm_dtype');
  return named === 'bfloat16' || named === 'float16' ? 2 : 4;
}

/** Shapes of all states: vllm/model_executor/layers/mamba/mamba_utils.py. */
function mamba2State(facts: ModelFacts, names: Mamba2Names, shape: ModelShape): State | undefined {
  const heads = facts.figure(names.heads);
  const headDim = facts.fields.isText(names.headDim) ? automaticDim(facts, shape, heads) : facts.figure(names.headDim);
  const groups = facts.figure(names.groups);
  const groupWidth = facts.figure(names.width);
  const kernel = facts.figure(names.kernel);
  if (heads === undefined || headDim === undefined || kernel === undefined) return undefined;
  if (groups === undefined || groupWidth === undefined) return undefined;
  return {
    heads,
    channels: heads * headDim,
    groups,
    groupWidth,
    steps: kernel - 1,
    recurrent: heads * headDim * groupWidth,
  };
}

/** Bamba writes "auto". */
function automaticDim({ fields, figure }: ModelFacts, { hidden }: ModelShape, heads?: number): number | undefined {
  const expand = figure('mamba_expand');
  if (fields.word('mamba_d_head') !== 'auto' || hidden === undefined) return undefined;
  return expand === undefined || heads === undefined ? undefined : Math.floor((expand * hidden) / heads);
}

function mambaState({ fields, figure }: ModelFacts, { hidden }: ModelShape): State | undefined {
  const expand = figure('mamba_expand', 'expand');
  const width = figure('mamba_d_state', 'state_size');
  const kernel = figure('mamba_d_conv', 'conv_kernel');
  // Jamba's intermediate size is that of its dense layers.
  const written = fields.has('mamba_expand') ? undefined : fields.count('intermediate_size');
  const channels = written ?? (expand === undefined || hidden === undefined ? undefined : expand * hidden);
  if (channels === undefined || width === undefined || kernel === undefined) return undefined;
  return { channels, steps: kernel - 1, recurrent: channels * width };
}

function gatedDeltaState({ figure }: ModelFacts): State | undefined {
  const keyHeads = figure('linear_num_key_heads');
  const keyDim = figure('linear_key_head_dim');
  const valueHeads = figure('linear_num_value_heads');
  const valueDim = figure('linear_value_head_dim');
  const kernel = figure('linear_conv_kernel_dim');
  if (keyHeads === undefined || keyDim === undefined || kernel === undefined) return undefined;
  if (valueHeads === undefined || valueDim === undefined) return undefined;
  return {
    heads: keyHeads,
    channels: 2 * keyHeads * keyDim + valueHeads * valueDim,
    steps: kernel - 1,
    recurrent: valueHeads * keyDim * valueDim,
  };
}

/** Its recurrent state has 32 bits on every platform. */
function kimiDeltaState({ fields }: ModelFacts): State | undefined {
  const linear = fields.nested('linear_attn_config');
  const heads = linear?.count('num_heads');
  const headDim = linear?.count('head_dim');
  const kernel = linear?.count('short_conv_kernel_size') ?? 4;
  if (heads === undefined || headDim === undefined) return undefined;
  const recurrent = heads * headDim * headDim;
  return { heads, channels: 3 * heads * headDim, steps: kernel - 1, recurrent, recurrentBytes: 4 };
}

function convolutionState({ fields, figure }: ModelFacts, { hidden }: ModelShape): State | undefined {
  const channels = fields.count('conv_dim') ?? hidden;
  const kernel = figure('conv_L_cache');
  if (channels === undefined || kernel === undefined) return undefined;
  return { channels, steps: kernel - 1, recurrent: 0 };
}

/** Lightning attention keeps the model's own type. */
function lightningState(_facts: ModelFacts, { heads, headDim }: ModelShape): State | undefined {
  if (heads === undefined || headDim === undefined) return undefined;
  return { heads, channels: 0, steps: 0, recurrent: heads * headDim * headDim, recurrentBytes: 2 };
}

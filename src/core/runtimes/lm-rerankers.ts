/**
 * Rerankers that are language models: their score is the probability of a word such as "yes". vLLM reads them as
 * classifiers if it is told to, and asks them in the words that they were trained with
 * (docs.vllm.ai/en/stable/models/pooling_models/scoring.html, 0.32.0). Without that it answers `/v1/rerank` with the cosine of
 * embeddings that the model was not made for, and status 200.
 */
interface LanguageReranker {
  /** `architectures` of config.json. */
  from: string;
  overrides: Readonly<Record<string, unknown>>;
  /** How the model asks for its answer. A Jinja template: messages have the roles `query` and `document`. */
  prompt: string;
}

const part = (role: string): string =>
  `{{ messages | selectattr("role", "eq", "${role}") | map(attribute="content") | first }}`;

const qwen3 = {
  system:
    'Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".',
  task: 'Given a web search query, retrieve relevant passages that answer the query',
};

const known: readonly LanguageReranker[] = [
  {
    // huggingface.co/Qwen/Qwen3-Reranker-0.6B
    from: 'Qwen3ForCausalLM',
    overrides: {
      architectures: ['Qwen3ForSequenceClassification'],
      classifier_from_token: ['no', 'yes'],
      is_original_qwen3_reranker: true,
    },
    prompt: [
      `<|im_start|>system\n${qwen3.system}<|im_end|>`,
      `<|im_start|>user\n<Instruct>: ${qwen3.task}`,
      `<Query>: ${part('query')}`,
      `<Document>: ${part('document')}<|im_end|>`,
      '<|im_start|>assistant\n<think>\n\n</think>\n\n',
    ].join('\n'),
  },
  {
    // huggingface.co/BAAI/bge-reranker-v2-gemma
    from: 'GemmaForCausalLM',
    overrides: {
      architectures: ['GemmaForSequenceClassification'],
      classifier_from_token: ['Yes'],
      method: 'no_post_processing',
    },
    prompt: [
      `A: ${part('query')}`,
      `B: ${part('document')}`,
      "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a prediction of either 'Yes' or 'No'.",
    ].join('\n'),
  },
  {
    // huggingface.co/mixedbread-ai/mxbai-rerank-base-v2
    from: 'Qwen2ForCausalLM',
    overrides: {
      architectures: ['Qwen2ForSequenceClassification'],
      classifier_from_token: ['0', '1'],
      method: 'from_2_way_softmax',
    },
    prompt: [
      '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>',
      `<|im_start|>user\nquery: ${part('query')}`,
      `document: ${part('document')}`,
      'You are a search relevance expert who evaluates how well documents match search queries. For each query-document pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment (0 for not relevant, 1 for relevant).',
      'Relevance:<|im_end|>\n<|im_start|>assistant\n',
    ].join('\n'),
  },
];

const scores = /ForSequenceClassification|ForRanking|Rerank|Col(?:BERT|Bert|Pali|Qwen|Modern)/;
const generates = /For(?:CausalLM|ConditionalGeneration)$|LMHeadModel$/;
const embeds = /(?:Model|ForMaskedLM)$/;

/** What a class of models gives for a pair of texts. */
export type Scoring =
  /** It has a head that scores, or nobody knows. */
  | { kind: 'scores' }
  /** A language model that an engine must be told how to read. Undefined: nobody knows how. */
  | { kind: 'generates'; architecture: string; reranker: Omit<LanguageReranker, 'from'> | undefined }
  | { kind: 'embeds'; architecture: string };

export function scoringOf(architectures: readonly string[] | undefined): Scoring {
  const [architecture] = architectures ?? [];
  if (architecture === undefined || scores.test(architecture)) return { kind: 'scores' };
  if (generates.test(architecture))
    return { kind: 'generates', architecture, reranker: known.find(({ from }) => from === architecture) };
  return embeds.test(architecture) ? { kind: 'embeds', architecture } : { kind: 'scores' };
}

import type { ChatHistoryItem, ChatWrapper } from 'node-llama-cpp';

type LlamaModule = typeof import('node-llama-cpp');

/**
 * A chat template that adds nothing, so that `/v1/completions` uses the same code as chat. (LlamaCompletion of
 * node-llama-cpp loses the end of an answer that stops right after a character of three tokens.) A function, because the
 * package is optional and imported dynamically.
 */
export function makeTextWrapper(llamaModule: LlamaModule, startsWithBos: boolean): ChatWrapper {
  const { ChatWrapper, LlamaText, SpecialToken } = llamaModule;
  return new (class extends ChatWrapper {
    readonly wrapperName = 'Text';

    override generateContextState({ chatHistory }: { chatHistory: readonly ChatHistoryItem[] }) {
      return {
        contextText: LlamaText([startsWithBos ? new SpecialToken('BOS') : '', ...chatHistory.map(textOf)]),
        stopGenerationTriggers: [LlamaText(new SpecialToken('EOS'))],
        detectFunctionCalls: false,
      };
    }
  })();
}

function textOf(item: ChatHistoryItem): string {
  if (item.type === 'user') return item.text;
  return item.type === 'model' ? item.response.filter((part) => typeof part === 'string').join('') : '';
}

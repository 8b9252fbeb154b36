import type { ChatHistoryItem, ChatWrapper } from 'node-llama-cpp';

type LlamaModule = typeof import('node-llama-cpp');

/**
 * A "chat template" that adds nothing, so that `/v1/completions` runs through the same code as chat does.
 * (node-llama-cpp's LlamaCompletion loses the end of an answer that stops right after a character of three tokens.)
 * Made in a function because the package is optional and comes by a dynamic import.
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

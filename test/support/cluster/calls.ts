import type { Installation } from './install.ts';

export interface Answered {
  status: number;
  text: string;
}

export interface Callers {
  /** How many call at the same time, each again as soon as it is answered. */
  count: number;
  /** Fields of each call beside model and messages. */
  call: object;
}

/** A call that takes its time: thousands of tokens, whatever the model says. */
export const longCall = { max_tokens: 2000, ignore_eos: true };

/** Calls a chat model for as long as the work takes, and answers with every answer, whole. */
export async function callsDuring(
  ecolink: Installation,
  model: string,
  callers: Callers,
  work: () => Promise<unknown>,
): Promise<Answered[]> {
  const done = new AbortController();
  const answers: Answered[] = [];
  const calling = Array.from({ length: callers.count }, async () => {
    while (!done.signal.aborted) {
      const answer = await ecolink.chat(model, callers.call);
      answers.push({ status: answer.status, text: await answer.text() });
    }
  });
  try {
    await work();
  } finally {
    done.abort();
  }
  await Promise.all(calling);
  return answers;
}

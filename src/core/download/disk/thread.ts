import { Worker } from 'node:worker_threads';
import { asError } from '../failure.ts';

/** A message to a thread. It answers messages that have a number, in any order. */
export type Message<Request> = Request & { ask?: number };

export type Reply<Answer> =
  | { ask: number; answer: Answer }
  | { ask: number; error: { message: string; code?: string | undefined } };

/** A thread that gets messages and requests. The first one starts it. */
export class Thread<Request extends object, Answer = undefined> implements AsyncDisposable {
  readonly #entry: URL;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #worker: Worker | undefined;
  #lastAsk = 0;
  #failure: Error | undefined;

  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** Sends a message that gets no answer. */
  tell(message: Message<Request>): void {
    this.#worker ??= this.#start();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that rule is about windows
    this.#worker.postMessage(message);
  }

  /** Sends a request and resolves with its answer. Rejects with the error of the thread, with its code. */
  ask(request: Request): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const ask = ++this.#lastAsk;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(ask, waiting);
    this.tell({ ...request, ask });
    return waiting.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#entry);
    worker.on('message', (reply: Reply<Answer>) => this.#onReply(reply));
    worker.on('error', (error) => this.#fail(asError(error)));
    return worker;
  }

  #onReply(reply: Reply<Answer>): void {
    const waiting = this.#waiting.get(reply.ask);
    this.#waiting.delete(reply.ask);
    if ('answer' in reply) waiting?.resolve(reply.answer);
    else waiting?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

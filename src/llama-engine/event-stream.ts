import type { ServerResponse } from 'node:http';
import type { ApiError } from './api-error.ts';

/** Server-sent events in the form of OpenAI: one JSON document per event, then `[DONE]`. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // Stops some proxies from buffering the stream.
      'x-accel-buffering': 'no',
    });
  }

  send(document: unknown): void {
    this.#response.write(`data: ${JSON.stringify(document)}\n\n`);
  }

  done(): void {
    this.#response.end('data: [DONE]\n\n');
  }

  /** The status line has been sent already, so the error is the last event. */
  fail(error: ApiError): void {
    this.send(error.toBody());
    this.#response.end();
  }
}

import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Loss } from '../core/routing/in-flight.ts';
import { answerHeaders } from './headers.ts';
import { createWholeLines } from './whole-lines.ts';

export type RelayEnd =
  /** The replica's answer went out whole. */
  | { kind: 'answered'; status: number }
  /** The caller went away, and the replica was told. */
  | { kind: 'left'; status?: number }
  /** The replica broke off in the middle of its answer. */
  | { kind: 'broken'; status: number; cause: Error }
  /** No byte of an answer went out: the call may be tried elsewhere. */
  | { kind: 'unanswered'; cause: Error };

/** Says that the call is in a replica's hands until the returned function is called, and hears when the replica is lost. */
export type Hold = (lose: (how: Loss) => void) => () => void;

/** Why a call to a replica that its region lost was given up. */
export function replicaLost(how: Loss): Error {
  return new Error(how === 'gone' ? 'The replica is gone.' : 'What the replica runs on reports nothing any more.');
}

type Controller = Dispatcher.DispatchController;

/**
 * Sends one call to one replica and its answer to the caller as it comes, no faster than the caller reads.
 * `brokenEvent` is what ends an event stream that the replica broke off.
 */
export function relay(
  dispatcher: Dispatcher,
  call: Dispatcher.DispatchOptions,
  response: ServerResponse,
  hold: Hold,
  brokenEvent: () => string,
): Promise<RelayEnd> {
  return new Promise((resolve) => {
    let controller: Controller | undefined;
    let status = 0;
    let lines: ReturnType<typeof createWholeLines> | undefined;

    let given: Error | undefined;
    const giveUp = (why: Error): void => {
      given ??= why;
      controller?.abort(given);
    };
    const onClose = (): void => giveUp(new Error('The caller has gone.'));
    const onDrain = (): void => controller?.resume();
    // A started answer may go on though nobody hears of its node.
    const release = hold((how) => {
      if (how === 'gone' || status === 0) giveUp(replicaLost(how));
    });
    const finish = (end: RelayEnd): void => {
      release();
      response.off('close', onClose);
      response.off('drain', onDrain);
      resolve(end);
    };
    response.once('close', onClose);
    response.on('drain', onDrain);

    dispatcher.dispatch(call, {
      onRequestStart(started: Controller) {
        controller = started;
        if (response.destroyed) onClose();
        else if (given) giveUp(given);
      },
      onResponseStart(_controller: Controller, code: number, headers: IncomingHttpHeaders) {
        if (code < 200) return;
        status = code;
        response.writeHead(code, answerHeaders(headers));
        if (headers['content-length'] === undefined) response.flushHeaders();
        if (isPlainEventStream(headers)) lines = createWholeLines();
      },
      onResponseData(from: Controller, chunk: Buffer) {
        const ready = lines ? lines.take(chunk) : chunk;
        if (ready.length > 0 && !response.write(ready)) from.pause();
      },
      onResponseEnd() {
        response.end(lines?.rest());
        finish({ kind: 'answered', status });
      },
      onResponseError(_controller: Controller, cause: Error) {
        if (response.destroyed) return finish({ kind: 'left', ...(status === 0 ? {} : { status }) });
        if (status === 0) return finish({ kind: 'unanswered', cause });
        // Where there is no way to say it, a connection that ends too early must: half an answer is not to look whole.
        if (lines) response.end(`\n${brokenEvent()}`);
        else response.destroy();
        return finish({ kind: 'broken', status, cause });
      },
    });
  });
}

/** One that text can be added to at its end. */
function isPlainEventStream(headers: IncomingHttpHeaders): boolean {
  const plain = headers['content-encoding'] === undefined && headers['content-length'] === undefined;
  return plain && headers['content-type']?.startsWith('text/event-stream') === true;
}

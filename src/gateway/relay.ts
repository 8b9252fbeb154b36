import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Loss } from '../core/core.ts';
import { answerHeaders } from './headers.ts';
import { isRedirect } from './redirects.ts';
import { errorInDialect } from './engine-error.ts';
import type { Dialect } from './engine-error.ts';
import { mayNameModel } from './restore-model.ts';
import type { ModelRestorer } from './restore-model.ts';
import { createWholeLines } from './whole-lines.ts';

export type RelayEnd =
  /** The caller got the whole answer. */
  | { kind: 'answered'; status: number }
  /** The caller closed the connection, and so did the gateway to the replica. */
  | { kind: 'left'; status?: number | undefined }
  /** The replica stopped in the middle of its answer. */
  | { kind: 'broken'; status: number; cause: Error }
  /** The caller got no byte of an answer: another replica may take the call. */
  | { kind: 'unanswered'; cause: Error }
  /** The caller got no byte: the replica answered with a redirect that the caller must not follow. */
  | { kind: 'redirected' }
  /** The caller got no byte: the answer is too large to be translated. */
  | { kind: 'too_large' };

/** An end without an error for the caller. */
export type Relayed = Exclude<RelayEnd, { kind: 'redirected' | 'too_large' }>;

/** Counts the call at its replica until the returned function is called. `lose` is called if the replica is lost. */
export type BeginCall = (lose: (how: Loss) => void) => () => void;

/** The cause of a call's failure if its region lost the replica. */
export function replicaLost(how: Loss): Error {
  return new Error(how === 'gone' ? 'The replica is gone.' : 'The node of the replica does not report any more.');
}

const nothing = Buffer.alloc(0);
/** Bytes of an engine's error that are read. */
const longestRefusal = 64 * 1024;

type Controller = Dispatcher.DispatchController;

/** The location of a redirect as the caller gets it, or no answer at all. */
export type Redirect = { location: string } | 'refused';

export interface RelayOptions {
  begin: BeginCall;
  brokenEvent: () => string;
  /** The location for the caller. `refused`: there is no answer for the caller. Undefined: an answer without a location. */
  redirect: (location: string) => Redirect | undefined;
  /** Puts the caller's model id into an answer of JSON. Undefined: the answer passes as it is. */
  restorer?: ModelRestorer | undefined;
  /** Errors of the engine reach the caller in these words. Undefined: as they are. */
  dialect?: Dialect | undefined;
}

/**
 * Sends one call to one replica and streams the answer to the caller, no faster than the caller reads. If the replica
 * stops in the middle of an event stream, `brokenEvent` is its last event.
 */
export function relay(
  dispatcher: Dispatcher,
  call: Dispatcher.DispatchOptions,
  response: ServerResponse,
  { begin, brokenEvent, redirect, restorer, dialect }: RelayOptions,
): Promise<RelayEnd> {
  return new Promise((resolve) => {
    let controller: Controller | undefined;
    let status = 0;
    let lines: ReturnType<typeof createWholeLines> | undefined;
    let restoring: ModelRestorer | undefined;
    /** The beginning of an error that is put in other words. */
    let refusal: Buffer[] | undefined;

    let abortCause: Error | undefined;
    const abort = (cause: Error): void => {
      abortCause ??= cause;
      controller?.abort(abortCause);
    };
    const onClose = (): void => abort(new Error('The caller closed the connection.'));
    const onDrain = (): void => controller?.resume();
    // An answer that has begun may continue although its node does not report.
    const endCall = begin((how) => {
      if (how === 'gone' || status === 0) abort(replicaLost(how));
    });
    const finish = (end: RelayEnd): void => {
      endCall();
      response.off('close', onClose);
      response.off('drain', onDrain);
      resolve(end);
    };
    let refused = false;
    const refuse = (): void => {
      refused = true;
      abort(new Error('The replica answered with a redirect.'));
    };
    response.once('close', onClose);
    response.on('drain', onDrain);

    dispatcher.dispatch(call, {
      onRequestStart(started: Controller) {
        controller = started;
        if (response.destroyed) onClose();
        else if (abortCause) abort(abortCause);
      },
      onResponseStart(_controller: Controller, code: number, headers: IncomingHttpHeaders) {
        if (code < 200) return;
        const sent = answerHeaders(headers);
        if (isRedirect(code)) {
          const to = redirect(headers['location'] ?? '');
          if (to === 'refused') return refuse();
          if (to !== undefined) sent['location'] = to.location;
        }
        status = code;
        if (restorer && mayNameModel(headers)) {
          restoring = restorer;
          delete sent['content-length'];
        }
        if (dialect !== undefined && code >= 400 && headers['content-encoding'] === undefined) {
          refusal = [];
          delete sent['content-length'];
          response.writeHead(code, { ...sent, 'content-type': 'application/json' });
          return;
        }
        response.writeHead(code, sent);
        if (headers['content-length'] === undefined) response.flushHeaders();
        if (isPlainEventStream(headers)) lines = createWholeLines();
      },
      onResponseData(from: Controller, chunk: Buffer) {
        if (refusal) {
          if (refusal.reduce((sum, { length }) => sum + length, 0) < longestRefusal) refusal.push(chunk);
          return;
        }
        const restored = restoring ? restoring.take(chunk) : chunk;
        const ready = lines ? lines.take(restored) : restored;
        if (ready.length > 0 && !response.write(ready)) from.pause();
      },
      onResponseEnd() {
        if (refusal && dialect) {
          response.end(JSON.stringify(errorInDialect(dialect, status, Buffer.concat(refusal).toString('utf8'))));
          return finish({ kind: 'answered', status });
        }
        const last = restoring?.rest() ?? nothing;
        response.end(lines ? Buffer.concat([lines.take(last), lines.rest()]) : last);
        return finish({ kind: 'answered', status });
      },
      onResponseError(_controller: Controller, cause: Error) {
        if (refused) return finish({ kind: 'redirected' });
        if (response.destroyed) return finish({ kind: 'left', status: status === 0 ? undefined : status });
        if (status === 0) return finish({ kind: 'unanswered', cause });
        // Half an answer must not look complete. Only an event stream can say so; other answers end with a broken connection.
        if (lines) response.end(`\n${brokenEvent()}`);
        else response.destroy();
        return finish({ kind: 'broken', status, cause });
      },
    });
  });
}

/** True if the gateway can append an event to the answer. */
function isPlainEventStream(headers: IncomingHttpHeaders): boolean {
  const plain = headers['content-encoding'] === undefined && headers['content-length'] === undefined;
  return plain && headers['content-type']?.startsWith('text/event-stream') === true;
}

import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { textWithin } from '../core/base/text-within.ts';
import { isRedirect } from './redirects.ts';
import { replicaLost } from './relay.ts';
import type { BeginCall, RelayEnd } from './relay.ts';

export interface WholeAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** An answer that is rewritten must be small enough to parse, and must end. */
const limitBytes = 8 * 1024 ** 2;
const deadlineMs = 10 * 60_000;

/** Sends one call to one replica, reads the whole answer, and sends the caller the rewritten answer. */
export async function relayWhole(
  dispatcher: Dispatcher,
  call: Dispatcher.DispatchOptions,
  response: ServerResponse,
  begin: BeginCall,
  rewrite: (answer: WholeAnswer) => { status: number; body: object },
): Promise<RelayEnd> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.once('close', onClose);
  const endCall = begin((how) => gone.abort(replicaLost(how)));
  const late = setTimeout(() => gone.abort(new Error('The replica did not end its answer in time.')), deadlineMs);
  try {
    const { statusCode, headers, body } = await dispatcher.request({ ...call, signal: gone.signal });
    const read = isRedirect(statusCode) ? undefined : await textWithin(body, limitBytes);
    if (read === undefined) {
      body.on('error', () => {}).destroy();
      return { kind: isRedirect(statusCode) ? 'redirected' : 'too_large' };
    }
    const answer = rewrite({ status: statusCode, headers, text: read });
    const text = JSON.stringify(answer.body);
    const length = Buffer.byteLength(text);
    response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': length }).end(text);
    return { kind: 'answered', status: answer.status };
  } catch (thrown) {
    if (response.destroyed) return { kind: 'left' };
    // The caller has got nothing yet: another replica may still answer.
    return { kind: 'unanswered', cause: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  } finally {
    clearTimeout(late);
    endCall();
    response.off('close', onClose);
  }
}

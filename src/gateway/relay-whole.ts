import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { replicaLost } from './relay.ts';
import type { BeginCall, RelayEnd } from './relay.ts';

export interface WholeAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

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
  try {
    const { statusCode, headers, body } = await dispatcher.request({ ...call, signal: gone.signal });
    const answer = rewrite({ status: statusCode, headers, text: await body.text() });
    const text = JSON.stringify(answer.body);
    const length = Buffer.byteLength(text);
    response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': length }).end(text);
    return { kind: 'answered', status: answer.status };
  } catch (thrown) {
    if (response.destroyed) return { kind: 'left' };
    // The caller has got nothing yet: another replica may still answer.
    return { kind: 'unanswered', cause: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  } finally {
    endCall();
    response.off('close', onClose);
  }
}

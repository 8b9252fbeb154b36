/** Thrown while an answer is read that is larger than its limit. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/**
 * The answer with a limit on its bytes, as they are after decompression. Client libraries read whole bodies, and a server
 * may send one without an end.
 */
export function boundedAnswer(response: Response, mostBytes: number): Response {
  if (response.body === null) return response;
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      bytes += piece.length;
      if (bytes > mostBytes) controller.error(new TooLarge(`more than ${mostBytes} bytes`));
      else controller.enqueue(piece);
    },
  });
  const { status, headers } = response;
  return new Response(response.body.pipeThrough(limit), { status, headers });
}

import type { Prose } from '../core/base/prose.ts';

/** One Ctrl-C may arrive several times: the terminal, npm and bin/ecolink.js each pass it on. */
const sameKeyMs = 700;

/** Aborts at the first Ctrl-C, which then does not end the program. A later one does. */
export function interruption(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = (): void => {
    first ??= performance.now();
    if (performance.now() - first > sameKeyMs) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  return { signal: controller.signal, [Symbol.dispose]: () => void process.off('SIGINT', onSignal) };
}

/** A person stopped the command. It is no failure: what was asked for goes on. */
export class Interrupted extends Error {
  readonly said: Prose;

  constructor(said: Prose) {
    super('interrupted');
    this.said = said;
  }
}

/** Follows work of the server. After Ctrl-C it throws `Interrupted`, whatever else `follow` throws then. */
export async function followed<T>(said: Prose, follow: (signal: AbortSignal) => Promise<T>): Promise<T> {
  using interrupted = interruption();
  try {
    return await follow(interrupted.signal);
  } catch (thrown) {
    throw interrupted.signal.aborted ? new Interrupted(said) : thrown;
  }
}

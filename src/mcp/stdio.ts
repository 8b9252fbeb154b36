import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { redact } from '../core/base/secret-shapes.ts';
import { createMcpServer } from './server.ts';
import type { CallOperation } from './server.ts';

interface StdioDeps {
  call: CallOperation;
  version: string;
}

/**
 * Serves one assistant over standard input and output. Resolves when the input ends. Only the protocol may write to
 * standard output. Complaints go to standard error.
 */
export async function serveMcpStdio({ call, version }: StdioDeps): Promise<void> {
  const transport = new WatchedTransport();
  const report = (thrown: unknown, reference: string) => complain(`unexpected error ${reference}: ${String(thrown)}`);
  const handle = serveStdio(() => createMcpServer({ call, version, report }), {
    transport,
    onerror: (error) => complain(error.message),
  });
  await transport.closed;
  await handle.close();
}

/** The SDK uses `onclose` itself, and its handle does not say when the client has left. */
class WatchedTransport extends StdioServerTransport {
  readonly #end = Promise.withResolvers<void>();
  readonly closed = this.#end.promise;

  override async close(): Promise<void> {
    await super.close();
    this.#end.resolve();
  }
}

function complain(message: string): void {
  process.stderr.write(`ecolink mcp: ${redact(message)}\n`);
}

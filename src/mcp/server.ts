import { McpServer } from '@modelcontextprotocol/server';
import { readArguments } from './arguments.ts';
import { instructions } from './instructions.ts';
import { errorResult, successResult } from './results.ts';
import type { ReportUnexpected } from './results.ts';
import { tools } from './tools.ts';
import type { Tool } from './tools.ts';

/**
 * Runs one operation for the connected assistant: `core.execute` over HTTP, a client of the server over stdio. The output's
 * texts keep their references.
 */
export type CallOperation = (
  operation: string,
  input: object,
  options: { signal: AbortSignal },
) => Promise<Record<string, unknown>>;

interface McpServerDeps {
  call: CallOperation;
  version: string;
  report: ReportUnexpected;
}

/** A server object for one connection (stdio) or one request (HTTP), in any revision of the protocol. */
export function createMcpServer(deps: McpServerDeps): McpServer {
  const server = new McpServer(
    { name: 'ecolink', title: 'EcoLink', version: deps.version },
    // The tools change with a release only.
    { instructions, capabilities: { tools: { listChanged: false } } },
  );
  for (const tool of tools) addTool(server, tool, deps);
  return server;
}

function addTool(server: McpServer, { name, operation, config }: Tool, { call, report }: McpServerDeps): void {
  server.registerTool(name, config, async (input, { mcpReq }) => {
    try {
      return successResult(operation, await call(name, readArguments(operation, input), { signal: mcpReq.signal }));
    } catch (error) {
      return errorResult(operation, error, report);
    }
  });
}

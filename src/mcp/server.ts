import { McpServer } from '@modelcontextprotocol/server';
import { instructions } from './instructions.ts';
import { errorResult, successResult } from './results.ts';
import type { ReportUnexpected } from './results.ts';
import { tools } from './tools.ts';
import type { Tool } from './tools.ts';

/** Runs one operation for whoever is at the other end: `core.execute` over HTTP, a client of the server over stdio. */
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

/** One server object for one connection (stdio) or one request (HTTP), of whichever protocol era. */
export function createMcpServer(deps: McpServerDeps): McpServer {
  const server = new McpServer(
    { name: 'ecolink', title: 'EcoLink', version: deps.version },
    // The tools are the catalogue's and change with the release, not under a client's feet.
    { instructions, capabilities: { tools: { listChanged: false } } },
  );
  for (const tool of tools) addTool(server, tool, deps);
  return server;
}

function addTool(server: McpServer, { name, ...config }: Tool, { call, report }: McpServerDeps): void {
  server.registerTool(name, config, async (input, { mcpReq }) => {
    try {
      return successResult(await call(name, input as object, { signal: mcpReq.signal }));
    } catch (error) {
      return errorResult(error, report);
    }
  });
}

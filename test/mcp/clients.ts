import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { VersionNegotiationMode } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttpClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';

const toolAnswer = z.object({
  isError: z.boolean().optional(),
  content: z.array(z.object({ type: z.string(), text: z.string() })),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
});
export type ToolAnswer = z.output<typeof toolAnswer>;

/** The result of a tool call, checked. */
export function toolAnswerOf(result: unknown): ToolAnswer {
  return toolAnswer.parse(result);
}

interface CallOptions {
  signal?: AbortSignal;
}

/** What the tests do with a client of any library and protocol revision. */
export interface Assistant {
  instructions: string | undefined;
  tools(): Promise<string[]>;
  call(tool: string, input: object, options?: CallOptions): Promise<ToolAnswer>;
  close(): Promise<void>;
}

export interface Program {
  command: string;
  args: string[];
  env: Record<string, string>;
}

interface ClientKind {
  name: string;
  overHttp(url: URL, headers?: Record<string, string>): Promise<Assistant>;
  overStdio(program: Program): Promise<Assistant>;
}

const info = { name: 'interop-test', version: '0' };

/** The library of the 2026 revision, the same library on a 2025 revision, and the library that most hosts still use. */
export const clientKinds: readonly ClientKind[] = [
  newKind('the v2 client on 2026-07-28', { pin: '2026-07-28' }),
  newKind('the v2 client on a 2025 revision', 'legacy'),
  {
    name: 'the 1.x client',
    overHttp: async (url, headers = {}) => connectOld(new OldHttpClientTransport(url, { requestInit: { headers } })),
    overStdio: async (program) => connectOld(new OldStdioClientTransport({ ...program, stderr: 'pipe' })),
  },
];

function newKind(name: string, mode: VersionNegotiationMode): ClientKind {
  const connect = async (transport: StdioClientTransport | StreamableHTTPClientTransport): Promise<Assistant> => {
    const client = new Client(info, { versionNegotiation: { mode } });
    await client.connect(transport);
    return {
      instructions: client.getInstructions(),
      tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
      call: async (tool, input, options) =>
        toolAnswerOf(await client.callTool({ name: tool, arguments: { ...input } }, options)),
      close: () => client.close(),
    };
  };
  return {
    name,
    overHttp: async (url, headers = {}) =>
      connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } })),
    overStdio: async (program) => connect(new StdioClientTransport({ ...program, stderr: 'pipe' })),
  };
}

async function connectOld(transport: OldStdioClientTransport | OldHttpClientTransport): Promise<Assistant> {
  const client = new OldClient(info);
  await client.connect(transport);
  return {
    instructions: client.getInstructions(),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (tool, input, options) =>
      toolAnswerOf(await client.callTool({ name: tool, arguments: { ...input } }, undefined, options)),
    close: () => client.close(),
  };
}

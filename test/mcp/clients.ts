import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { VersionNegotiationMode } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttpClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export interface ToolAnswer {
  isError?: boolean;
  content: { type: string; text: string }[];
  structuredContent?: Record<string, unknown>;
}

interface CallOptions {
  signal?: AbortSignal;
}

/** What the tests do with a client, whichever library and protocol revision it speaks. */
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

/** The client library of the 2026 revision, also as a host that has not opted into it, and the one that most hosts still use. */
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
        (await client.callTool({ name: tool, arguments: { ...input } }, options)) as ToolAnswer,
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
      (await client.callTool({ name: tool, arguments: { ...input } }, undefined, options)) as ToolAnswer,
    close: () => client.close(),
  };
}

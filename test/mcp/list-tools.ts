import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport } from '@modelcontextprotocol/server';
import { createMcpServer } from '../../src/mcp/server.ts';

/** What a client is told about the tools. An assistant pays for this and acts by it. */
export async function listTools() {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const server = createMcpServer({
    version: '0.0.0',
    call: () => Promise.reject(new Error('not called')),
    report: () => {},
  });
  await server.connect(far);
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(near);
  const { tools } = await client.listTools();
  await client.close();
  return tools;
}

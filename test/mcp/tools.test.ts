import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { listTools } from './list-tools.ts';

const tools = await listTools();

describe('the tools', () => {
  it('are the operations that the catalogue gives to MCP, in its order', () => {
    const expected = catalogue.filter(({ frontEnds }) => frontEnds.includes('mcp')).map(({ name }) => name);
    expect(tools.map(({ name }) => name)).toEqual(expected);
    expect(tools.length).toBeLessThanOrEqual(26);
  });

  it('take and answer with exactly what the snapshot says', async () => {
    const inputs = Object.fromEntries(tools.map(({ name, inputSchema }) => [name, inputSchema]));
    await expect(`${JSON.stringify(inputs, null, 2)}\n`).toMatchFileSnapshot('tools.snap');
  });

  it('cost an assistant no more than 32,000 bytes, which are about 7,000 tokens', () => {
    expect(JSON.stringify(tools).length).toBeLessThan(32_000);
  });
});

describe.each(tools)('$name', ({ name, title, description, inputSchema, outputSchema, annotations }) => {
  it('has a name, a title and a description that clients accept', () => {
    expect(name).toMatch(/^[a-z_]{1,64}$/);
    expect(title).toBeTruthy();
    expect(description?.length).toBeGreaterThan(20);
  });

  it('takes one flat object, closed, without choices at the root that model APIs refuse', () => {
    expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
    for (const keyword of ['oneOf', 'anyOf', 'allOf', 'not', '$ref', '$defs'])
      expect(inputSchema).not.toHaveProperty(keyword);
  });

  it('describes every property and gives it a plain type', () => {
    const vague = Object.entries(inputSchema.properties ?? {}).filter(([, property]) => {
      const described = z.object({ type: z.string(), description: z.string().endsWith('.') });
      return !described.safeParse(property).success;
    });
    expect(vague).toEqual([]);
  });

  it('speaks of other tools by their names as tools', () => {
    const text = JSON.stringify([description, inputSchema]);
    const commands = catalogue.map((operation) => operation.name.replaceAll('_', '-'));
    const halves = commands.map((command) => command.split('-')[0]).join('|');
    expect(text).not.toMatch(new RegExp(`\\b(?:${halves})[_-][a-z_]*-[a-z]`));
    expect(commands.filter((command) => text.includes(command))).toEqual([]);
  });

  it('says the shape of its answer', () => {
    expect(outputSchema).toMatchObject({ type: 'object', properties: expect.any(Object) });
  });

  it('says honestly what it may do', () => {
    const { effect, mayDestroy } = catalogue.find((operation) => operation.name === name) ?? {};
    expect(annotations).toMatchObject({
      readOnlyHint: effect === 'read',
      // A scale down ends replicas, so the tool that scales is not harmless.
      destructiveHint: effect === 'destructive' || mayDestroy === true,
    });
    expect(annotations?.idempotentHint).toBeTypeOf('boolean');
    expect(annotations?.openWorldHint).toBeTypeOf('boolean');
  });
});

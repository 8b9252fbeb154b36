import type { StandardSchemaWithJSON, ToolAnnotations } from '@modelcontextprotocol/server';
import { render } from '../core/base/prose.ts';
import type { Operation } from '../core/operation/operation.ts';
import { inputSchema, outputSchema } from './schemas.ts';
import type { JsonSchema } from './schemas.ts';
import { assistantSpeaker, toolOperations } from './speaker.ts';

export interface Tool {
  name: string;
  operation: Operation;
  /** What `tools/list` says of it. */
  config: ToolConfig;
}

interface ToolConfig {
  title: string;
  description: string;
  inputSchema: StandardSchemaWithJSON<object>;
  outputSchema: StandardSchemaWithJSON<object>;
  annotations: ToolAnnotations;
}

/** Made once: over HTTP there is a server object for each request. */
export const tools: readonly Tool[] = toolOperations.map((operation) => ({
  name: operation.name,
  operation,
  config: {
    title: operation.title,
    description: render(operation.description, assistantSpeaker),
    inputSchema: advertised(inputSchema(operation)),
    outputSchema: advertised(outputSchema(operation)),
    annotations: annotationsOf(operation),
  },
}));

/**
 * Clients see the schema, but the SDK does not check it: its errors have no code, no next step and no nearest name.
 * `execute` checks the input, for every front end alike.
 */
function advertised(schema: JsonSchema): StandardSchemaWithJSON<object> {
  return {
    '~standard': {
      version: 1,
      vendor: 'ecolink',
      validate: (value) =>
        typeof value === 'object' && value !== null ? { value } : { issues: [{ message: 'It must be an object.' }] },
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}

/** The most that an operation may do. Clients decide by these whether to ask their user. */
function annotationsOf({ effect, mayDestroy, input }: Operation): ToolAnnotations {
  return {
    readOnlyHint: effect === 'read',
    destructiveHint: effect === 'destructive' || mayDestroy === true,
    // A second deletion changes nothing. A second launch makes a second instance.
    idempotentHint: effect !== 'write',
    // A write may make EcoLink download from the Hub. A look at a repo asks the Hub too.
    openWorldHint: effect === 'write' || 'repo' in input.shape,
  };
}

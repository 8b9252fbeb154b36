import { plainWords } from '../core/base/prose.ts';
import type { StandardSchemaWithJSON, ToolAnnotations } from '@modelcontextprotocol/server';
import type { Operation } from '../core/operation/operation.ts';
import { catalogue } from '../core/operations/catalogue.ts';
import { asToolNames, inputSchema, outputSchema } from './schemas.ts';
import type { JsonSchema } from './schemas.ts';

export interface Tool {
  name: string;
  title: string;
  description: string;
  inputSchema: StandardSchemaWithJSON;
  outputSchema: StandardSchemaWithJSON;
  annotations: ToolAnnotations;
}

/** Every operation that assistants get, as a tool. Made once: over HTTP there is a server object per request. */
export const tools: readonly Tool[] = catalogue.filter(({ frontEnds }) => frontEnds.includes('mcp')).map(toolOf);

function toolOf(operation: Operation): Tool {
  return {
    name: operation.name,
    title: operation.title,
    description: asToolNames(plainWords(operation.description)),
    inputSchema: advertised(inputSchema(operation)),
    outputSchema: advertised(outputSchema(operation)),
    annotations: annotationsOf(operation),
  };
}

/**
 * Shown to the client, never checked by the SDK: its own answer to bad input has no code, no next step and no nearest
 * name. `execute` checks, for every front end alike.
 */
function advertised(schema: JsonSchema): StandardSchemaWithJSON {
  return {
    '~standard': {
      version: 1,
      vendor: 'ecolink',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}

/** True to what an operation may do at most: clients ask their user, or do not, by these. */
function annotationsOf({ effect, input }: Operation): ToolAnnotations {
  return {
    readOnlyHint: effect === 'read',
    destructiveHint: effect === 'destructive',
    // Taking away twice takes away no more than once; a second launch is a second instance.
    idempotentHint: effect !== 'write',
    // What adds or changes may make EcoLink fetch from the Hub, and so does looking at a repo.
    openWorldHint: effect === 'write' || 'repo' in input.shape,
  };
}

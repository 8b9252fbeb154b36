import { plainWords } from '../../src/core/base/prose.ts';
import { z } from 'zod';
import { inputFields } from '../../src/core/operation/operation.ts';
import type { InputField, Operation } from '../../src/core/operation/operation.ts';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { outputType } from './field-types.ts';
import { markdownTable } from './markdown-table.ts';
import { commandLine, commandName, flagName } from '../../src/cli/names.ts';

const head = `# Operations

<!-- Written by "npm run docs" from src/core/operations/catalogue.ts. Change a definition, not this page. -->

Each operation has one definition. The command line, the MCP tools and the Slack forms are made from it. A field is a
flag on the command line (\`accelerator_count\` is \`--accelerator-count\`; a list repeats its flag), an argument of the MCP
tool, and a key in the JSON body of \`POST /api/operations/<name>\`. \`--json\` prints exactly the output shown here. MCP
returns the same output as \`structuredContent\`. [errors.md](errors.md) lists the errors.

`;

/** docs/operations.md, whole. */
export function operationsPage(): string {
  return `${head}${summary()}\n${catalogue.map((operation) => section(operation)).join('\n')}`;
}

function summary(): string {
  const rows = catalogue.map(({ name, title, effect, role, frontEnds, withoutServer }) => [
    `[\`${name}\`](#${name})`,
    title,
    effect,
    role,
    frontEnds.join(', '),
    withoutServer ? 'no' : 'yes',
  ]);
  return markdownTable(['operation', 'what', 'effect', 'role', 'front ends', 'needs a server'], rows);
}

function section(operation: Operation): string {
  const parts = [`## ${operation.name}`, plainWords(operation.description), fieldTable(inputFields(operation))];
  if (operation.frontEnds.includes('cli')) parts.push(examples(operation));
  parts.push(`Output:\n\n\`\`\`ts\n${outputType(z.toJSONSchema(operation.output, { io: 'output' }))}\n\`\`\``);
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function fieldTable(fields: readonly InputField[]): string {
  if (fields.length === 0) return 'Takes no fields.';
  const rows = fields.map((field) => {
    return [
      `\`${field.name}\``,
      typeOf(field),
      requiredWhen(field),
      typed(field),
      plainWords(field.help),
      exampleOf(field),
    ];
  });
  return markdownTable(['field', 'type', 'required', 'on the command line', 'what', 'example'], rows).trimEnd();
}

function typeOf({ type, values }: InputField): string {
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  return type === 'list' ? 'list of strings' : type;
}

function requiredWhen({ required, requiredThere, onlyWith, default: fallback }: InputField): string {
  if (onlyWith) return `${requiredThere ? 'yes, and' : 'no,'} only with \`${onlyWith.field}: ${onlyWith.value}\``;
  if (required) return 'yes';
  return fallback === undefined ? 'no' : `no (\`${JSON.stringify(fallback)}\`)`;
}

function typed({ name, positional, type }: InputField): string {
  if (positional) return `\`<${name}>\``;
  return type === 'boolean' ? `\`${flagName(name)}\`, \`--no-${commandName(name)}\`` : `\`${flagName(name)}\``;
}

function exampleOf({ example }: InputField): string {
  return example === undefined ? '' : `\`${example}\``;
}

function examples(operation: Operation): string {
  if (operation.examples.length === 0) return '';
  return `\`\`\`sh\n${operation.examples.map((example) => commandLine(operation, example)).join('\n')}\n\`\`\``;
}

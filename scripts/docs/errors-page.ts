import { errorCodes } from '../../src/core/base/error-codes.ts';
import { errorKindNames, errorKinds } from '../../src/core/base/error-kinds.ts';
import { EcolinkError } from '../../src/core/base/errors.ts';
import { reasonCodes } from '../../src/core/base/reason-codes.ts';
import { markdownTable } from './markdown-table.ts';

const head = `# Errors

<!-- Written by "npm run docs" from src/core/base/error-codes.ts, error-kinds.ts and reason-codes.ts. Change a table there,
not this page. -->

Every error has a code, a sentence, a next step and \`retryable\`. Many also name the \`field\` to correct and its
\`valid_values\`. The command line prints the sentence and the next step on standard error; with \`--json\` it prints
\`{"error": {"code", "message", "retryable", "next_step", "field", "valid_values"}}\`. The HTTP API and the MCP tools answer
with the same object.

The code says what happened and never changes its meaning. Each code has a kind. The kind says who must act:

`;

const codesHead = `
## Codes

\`retryable\` is what the code usually has. An error can overrule it, so read it from the error itself. Calls of models
(\`/v1\`) answer in the form of OpenAI's API; there \`instance_not_found\` and \`instance_stopped\` are \`model_not_found\`, and
\`token_missing\` and \`invalid_token\` are \`invalid_api_key\`.

`;

const reasonsHead = `
## Reasons

A reason says why an instance, a volume, a region or an approval request is in its state. It has a code and a sentence.
The code is one of these or one of the codes above. If a command waits and then fails for a reason, its error has the
code of that reason.

`;

/** The full text of docs/errors.md. */
export function errorsPage(): string {
  return `${head}${kindTable()}${codesHead}${codeTable()}${reasonsHead}${reasonTable()}`;
}

function kindTable(): string {
  const rows = errorKindNames.map((kind) => {
    const { exitStatus, httpStatus, means } = errorKinds[kind];
    return [`\`${kind}\``, String(exitStatus), String(httpStatus), means];
  });
  return markdownTable(['kind', 'exit status', 'HTTP status', 'meaning'], rows);
}

function codeTable(): string {
  const rows = Object.entries(errorCodes).map(([code, { kind, means }]) => {
    const { retryable, exitStatus, httpStatus } = new EcolinkError(kind, code, means, { nextStep: '' });
    return [`\`${code}\``, kind, retryable ? 'yes' : 'no', String(exitStatus), String(httpStatus), means];
  });
  return markdownTable(['code', 'kind', 'retryable', 'exit status', 'HTTP status', 'meaning'], rows);
}

function reasonTable(): string {
  return markdownTable(
    ['code', 'meaning'],
    Object.entries(reasonCodes).map(([code, means]) => [`\`${code}\``, means]),
  );
}

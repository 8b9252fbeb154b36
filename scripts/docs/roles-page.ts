import { atLeast, roles } from '../../src/core/base/caller.ts';
import type { Role } from '../../src/core/base/caller.ts';
import { roleFor } from '../../src/core/operation/authorise.ts';
import type { Operation } from '../../src/core/operation/operation.ts';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { markdownTable } from './markdown-table.ts';

const head = `# Roles

<!-- Written by "npm run docs" from src/core/operations/catalogue.ts and src/core/operation/authorise.ts. Change a
definition, not this page. -->

A **person** is a human with one or more identities: accounts in Slack, the account that runs the server, tokens. Roles,
votes and ownership belong to the person. Each role has all rights of the role before it:
${roles.map((role) => `\`${role}\``).join(', ')}.

Roles come from \`people\` and \`groups\` in \`ecolink.yaml\`. If a person has several, the highest counts. The server reads
the file again when it changes. The change counts from the next call on, also for tokens and agents. A file with a mistake
changes nothing, and the log says so. A token never gives more rights than its person has at that moment.

Without a file, the person at the server's terminal is admin. If Slack is on and has no admin yet, the server prints a code
for \`/ecolink claim <code>\` when it starts. The code works once and for 15 minutes.

Admins can also give roles to people who have none from the file: \`/ecolink role @ada member\` in Slack, or
\`ecolink set-role slack:T0123/U0456 --role member\`. The role \`none\` takes a role away. A role from the file or from one of
its groups wins. Nobody can change their own role, so there is always an admin.

Models and instances belong to the person who made them. Everybody with a role sees and calls them, unless they are private.
Their owner and admins can change them.

- **yes**: everything, private things of others too
- **all**: the person's own things, and things of others that are not private. Private things look as if they did not exist
- **own**: the person's own things
- **–**: refused. The error names the missing role and who can give it

`;

const tail = `
Every call also needs two more things:

- **A scope.** A token needs \`read\` or \`operate\` for operations that read, and \`operate\` for all others. \`call\` is for
  calling models.
- **The right to decide**, for operations that decide. A person in Slack, the person at the server's own terminal, and a token
  made with \`--may-decide\` have it. A token of an agent can ask and never decide; so can everything over MCP.
`;

/** The full text of docs/roles.md. */
export function rolesPage(): string {
  const rows = catalogue.map((operation) => [
    `[\`${operation.name}\`](operations.md#${operation.name})`,
    ...roles.map((role) => rightsOf(role, operation)),
    operation.decides ? 'people only' : '',
    operation.frontEnds.join(', '),
  ]);
  return `${head}${markdownTable(['operation', ...roles, 'decides', 'offered in'], rows)}${tail}`;
}

function rightsOf(role: Role, operation: Operation): string {
  if (!atLeast(role, roleFor(operation, 'own'))) return '–';
  if (atLeast(role, roleFor(operation, 'private'))) return 'yes';
  return atLeast(role, roleFor(operation, 'others')) ? 'all' : 'own';
}

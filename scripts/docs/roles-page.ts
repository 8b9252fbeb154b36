import { atLeast, roles } from '../../src/core/base/caller.ts';
import type { Role } from '../../src/core/base/caller.ts';
import { roleFor } from '../../src/core/operation/authorise.ts';
import type { Operation } from '../../src/core/operation/operation.ts';
import { catalogue } from '../../src/core/operations/catalogue.ts';

const head = `# Roles

<!-- Written by "npm run docs" from the catalogue in src/core/operations.ts and src/core/access/rights.ts. Change a
definition, not this page. -->

A **person** is a human, once, with one or more identities: accounts in Slack, the account that runs the server, tokens.
Roles, votes and ownership belong to the person. Each role may do all that the one before it may:
${roles.map((role) => `\`${role}\``).join(', ')}.

Roles come from \`people\` and \`groups\` in \`ecolink.yaml\`; of several the highest counts. The file is read again by
itself when it changes: a new role, or one that is gone, counts from the next call on, for tokens and agents too. A file
with a mistake changes nothing and is told of in the log. A token never gives more than its person has at that moment.
With no file the person at the server's terminal is admin; with Slack on and no admin there yet, the server prints a code
for \`/ecolink claim <code>\` when it starts (15 minutes, once).

Admins give roles too, to people of whom the file says nothing: \`/ecolink role @ada member\` in Slack, or
\`ecolink set-role slack:T0123/U0456 --role member\`; \`none\` takes one away. Where the file or a group of it gives somebody a
role, that wins. Nobody changes their own role, so that an admin always stays.

Models and instances belong to who asked for them. Everybody with a role sees and calls them unless they are private;
their owner and admins change them.

- **yes**: whatever it is about, private things of others too
- **all**: one's own things, and those of others that are not private; what is private is as if it did not exist
- **own**: one's own things
- **–**: refused, with the role that is missing and who can give it

`;

const tail = `
Two more things are asked at the door. A **scope**: a token runs what reads with \`read\` or \`operate\`, and everything
else with \`operate\`; \`call\` is for calling models. And **who decides**: operations that decide take the word of a person
in Slack, at the server's own terminal, or with a token made with \`--may-decide\`. An agent's token, and whatever comes
over MCP, asks and never decides.
`;

/** docs/roles.md, whole. */
export function rolesPage(): string {
  const columns = ['operation', ...roles, 'decides', 'offered in'];
  const rows = catalogue.map((operation) => [
    `[\`${operation.name}\`](operations.md#${operation.name})`,
    ...roles.map((role) => reach(operation, role)),
    operation.decides ? 'people only' : '',
    operation.frontEnds.join(', '),
  ]);
  const lines = [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `${head}${lines.join('\n')}\n${tail}`;
}

function reach(operation: Operation, role: Role): string {
  if (!atLeast(role, roleFor(operation, 'own'))) return '–';
  if (atLeast(role, roleFor(operation, 'private'))) return 'yes';
  return atLeast(role, roleFor(operation, 'others')) ? 'all' : 'own';
}

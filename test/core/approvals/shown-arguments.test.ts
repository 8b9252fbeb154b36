import type { KnownBlock } from '@slack/types';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { render } from '../../../src/cli/output/render.ts';
import { definedOperation, findOperation } from '../../../src/core/operations/catalogue.ts';
import type { ShownApproval } from '../../../src/core/core.ts';
import { successResult } from '../../../src/mcp/results.ts';
import { approvalMessage, detailsMessage } from '../../../src/slack/blocks/approval-blocks.ts';
import { inSlack } from '../../support/callers.ts';
import { defined } from '../../support/defined.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import { startCore } from '../../support/core.ts';
import { breachesOfMessage } from '../../support/slack-limits.ts';

/** A flag that takes a text, with a risk of its own; the longest arguments and the most flags that a launch can give. */
const risky = Array.from({ length: 12 }, (_, at) => `--risky-${at}`);
const harmless = Array.from({ length: 30 }, (_, at) => `--number-${at}`);
const config = JSON.stringify({
  people: [
    { name: 'root', role: 'admin', identities: ['local'] },
    { name: 'ada', role: 'approver', identities: ['slack:T1/ADA'] },
    { name: 'max', role: 'member', identities: ['slack:T1/MAX'] },
  ],
  policy: [{ when: { operations: ['launch_instance'] }, require: { approvers: { people: ['ada'] } } }],
});

/** The texts of rich text. */
function textsOf(blocks: readonly KnownBlock[]): string[] {
  const parts = blocks.flatMap((block) => (block.type === 'rich_text' ? block.elements : []));
  const elements = parts.flatMap((part) => (part.type === 'rich_text_section' ? part.elements : []));
  return elements.flatMap((element) => (element.type === 'text' ? [element.text] : []));
}

const loud = '<!channel> & <@U1> *x* `y`';

describe('in every front end a request to launch names every argument, and every risk beside it', () => {
  const undo = new AsyncDisposableStack();
  let approval: ShownApproval;

  beforeAll(async () => {
    const folder = undo.use(await modelFolder());
    const flags = [
      ...risky.map((flag) => ({ flag, value: 'text', risk: `What ${flag} may break.` })),
      ...harmless.map((flag) => ({ flag, value: 'integer' })),
    ];
    const runtime = {
      name: 'any',
      kind: 'local',
      categories: ['chat'],
      formats: ['safetensors'],
      command: ['sleep', '60'],
    };
    const place = undo.use(
      await startCore({
        reconcile: false,
        config: JSON.stringify({
          ...JSON.parse(config),
          filesystems: [{ name: 'nfs', region: 'local', path: folder.path }],
          runtimes: [{ ...runtime, launch_arguments: flags }],
        }),
      }),
    );
    const max = { ...(await inSlack(place.core, 'MAX')), source: 'http' as const };
    await place.core.execute('register_model', tiny, max);
    await place.core.execute(
      'launch_instance',
      {
        model: 'tiny',
        arguments: [...risky.flatMap((flag) => [flag, loud]), ...harmless.flatMap((flag) => [flag, '1000000'])],
      },
      max,
    );
    approval = defined(await place.core.approvals.view(1));
  });
  afterAll(() => undo.disposeAsync());

  test('in Slack, within its limits and without its markup', () => {
    const [message, details] = [approvalMessage(approval), detailsMessage(approval)];
    for (const each of [message, details]) expect(breachesOfMessage(each)).toEqual([]);
    // Rich text, in which Slack reads no markup.
    for (const flag of risky)
      for (const { blocks } of [message, details])
        expect(textsOf(blocks)).toContainEqual(
          expect.stringContaining(`Argument ${flag} "${loud}". Risk: What ${flag} may break.`),
        );
    for (const flag of harmless) expect(JSON.stringify(details)).toContain(`${flag} 1000000`);
    for (const { text } of [message, details]) expect(text).not.toMatch(/<[!@]/);
  });

  test('at the command line', () => {
    const shown = render(defined(findOperation('get_approval')), approval, { width: 100, now: 0 });
    for (const flag of risky) expect(shown).toContain(`Argument ${flag} "${loud}". Risk: What ${flag} may break.`);
    for (const flag of harmless) expect(shown).toContain(`${flag} 1000000`);
  });

  test('over MCP', () => {
    const { structuredContent } = successResult(defined(definedOperation('get_approval')), approval);
    const { summary } = z.object({ summary: z.array(z.string()) }).parse(structuredContent);
    for (const flag of risky) expect(summary).toContain(`Argument ${flag} "${loud}". Risk: What ${flag} may break.`);
    for (const flag of harmless) expect(JSON.stringify(summary)).toContain(`${flag} 1000000`);
  });
});

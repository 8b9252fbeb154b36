import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { render } from '../../../src/cli/output/render.ts';
import { definedOperation, findOperation } from '../../../src/core/operations/catalogue.ts';
import type { OutputOf } from '../../../src/core/operations/catalogue.ts';
import { successResult } from '../../../src/mcp/results.ts';
import { approvalMessage } from '../../../src/slack/blocks/approval-blocks.ts';
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

const loud = '<!channel> & <@U1> *x* `y`';

describe('in every front end a request to launch names every argument, and every risk beside it', () => {
  const undo = new AsyncDisposableStack();
  let approval: OutputOf<'get_approval'>;

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
    approval = await place.core.execute('get_approval', { approval: '1' }, max);
  });
  afterAll(() => undo.disposeAsync());

  test('in Slack, within its limits and without its markup', () => {
    const { text, blocks } = approvalMessage(approval);
    expect(breachesOfMessage({ text, blocks })).toEqual([]);
    const shown = JSON.stringify(blocks);
    for (const flag of risky)
      expect(shown).toContain(
        `Argument ${flag} \\"&lt;!channel&gt; &amp; &lt;@U1&gt; *x* \`y\`\\". Risk: What ${flag} may break.`,
      );
    for (const flag of harmless) expect(shown).toContain(`${flag} 1000000`);
    expect(shown).not.toContain('<!channel>');
    expect(shown).not.toContain('<@U1>');
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

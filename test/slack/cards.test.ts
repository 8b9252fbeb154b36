import { describe, expect, test } from 'vitest';
import type { ShownApproval, ShownInstance } from '../../src/core/core.ts';
import { approvalStates } from '../../src/core/approvals/states.ts';
import { categories } from '../../src/core/base/categories.ts';
import { instanceStates } from '../../src/core/instances/states.ts';
import {
  alarmMessage,
  approvalMessage,
  detailsMessage,
  heardMessage,
  outcomeMessage,
  reminderMessage,
} from '../../src/slack/blocks/approval-blocks.ts';
import { cardMessage, costOf, endMessage, failureMessage } from '../../src/slack/blocks/card-blocks.ts';
import { createBudget, defaultPace } from '../../src/slack/outbox/budget.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';

const now = new Date('2026-12-01T12:00:00Z');
const loud = '*bold* :smile: <!channel> <https://x.y|z> @here ‮right'.repeat(20);

const card: ShownInstance = {
  id: 3,
  model_id: 'tiny:3',
  model: 'tiny',
  category: 'chat',
  state: 'running',
  regions: [
    {
      region: 'local',
      state: 'running',
      replicas: 1,
      ready: 1,
      restarts: 0,
      progress: undefined,
      reason: undefined,
      image: undefined,
      context_length: undefined,
    },
  ],
  replicas: 1,
  ready: 1,
  owner: 'alice',
  created_at: '2026-12-01T10:00:00Z',
  runtime: 'llama.cpp',
  arguments: [],
  private: false,
  url: 'http://127.0.0.1:7420/v1',
  context_length: undefined,
  accelerator: undefined,
  accelerator_count: undefined,
  reason: undefined,
  stop_at: '2026-12-01T18:00:00Z',
  warning: undefined,
  owner_id: 'per_1',
  desired: 'running',
  generation: 1,
  started_at: '2026-12-01T10:20:00Z',
  ended_at: undefined,
  cost_per_hour: 4,
};
const audience = { owner: 'U1', now };
const shown = (message: { blocks: unknown }) => JSON.stringify(message.blocks);

describe('a card', () => {
  test('of a running instance has its end, its cost, a call that can be pasted, and its buttons', () => {
    const { text, blocks } = cardMessage(card, audience);
    expect(text).toBe('tiny:3 is running (1/1 ready)');
    const all = shown({ blocks });
    expect(all).toContain('<!date^1796148000^');
    expect(all).toContain('6.00 after 1 h 30 min (4.00 per hour)');
    const box = blocks.flatMap((block) => (block.type === 'rich_text' ? block.elements : []));
    expect(JSON.stringify(box)).toContain('curl http://127.0.0.1:7420/v1/chat/completions');
    expect(all).toContain('`/ecolink token` makes a token');
    expect(all).toContain('launched by <@U1>');
    for (const id of ['card.logs', 'ending.extend', 'card.restart', 'card.stop']) expect(all).toContain(`"${id}"`);
  });

  test('of a failed instance says the cause in one sentence and offers the restart first', () => {
    const reason = { code: 'x', message: 'The Hub refuses the token. Add another one.\nThen restart.' };
    const regions = card.regions.map((region) => ({ ...region, state: 'failed' as const, reason }));
    const all = shown(cardMessage({ ...card, state: 'failed', regions }, audience));
    expect(all).toContain(':warning: The Hub refuses the token."');
    expect(all.indexOf('card.restart')).toBeLessThan(all.indexOf('card.logs'));
    expect(shown(failureMessage({ ...card, regions }, 'U1'))).toContain('Add another one.');
  });

  test('counts the cost to the end, and says if a price is missing', () => {
    expect(costOf({ ...card, ended_at: '2026-12-01T11:20:00Z' }, now)).toBe('4.00 after 1 h (4.00 per hour)');
    expect(costOf({ ...card, cost_per_hour: null }, now)).toContain('unknown');
    expect(costOf({ ...card, cost_per_hour: 0 }, now)).toBe('none');
  });

  test.each(instanceStates)(
    'stays inside the limits of Slack in the state %s, with as much as there can be',
    (state) => {
      const reason = { code: 'x', message: loud };
      const regions = Array.from({ length: 50 }, () => ({
        ...card.regions[0],
        region: loud,
        reason,
        state,
      }));
      for (const category of categories) {
        const many = {
          ...card,
          state,
          category,
          owner: loud,
          runtime: loud,
          regions: regions as ShownInstance['regions'],
        };
        const messages = [cardMessage(many, { ...audience, owner: undefined }), endMessage(many, undefined, now)];
        for (const message of [...messages, failureMessage(many, undefined)])
          expect({ state, breaches: breachesOfMessage(message) }).toEqual({ state, breaches: [] });
      }
    },
  );
});

const approval: ShownApproval = {
  id: 7,
  state: 'pending',
  operation: 'launch_instance',
  what: 'Launch llama',
  requester: 'mel',
  agent: true,
  asked_at: '2026-12-01T10:00:00Z',
  expires_at: '2026-12-02T10:00:00Z',
  summary: ['Launch llama (org/llama at 123)', 'In eu: 1 replica'],
  input: '{}',
  digest: '0123456789abcdef',
  rule: 'launches',
  identity: 'slack:T1/UMEL',
  approvers: ['uma'],
  quorum: 2,
  assurance: undefined,
  missing: 1,
  votes: [
    {
      person: 'ada',
      vote: 'approve',
      at: '2026-12-01T11:00:00Z',
      counts: true,
      reason: undefined,
      assurance: undefined,
    },
  ],
  broken_glass: false,
  private: true,
  decided_by: undefined,
  decided_at: undefined,
  reason: undefined,
  instance: undefined,
  model: undefined,
  model_id: undefined,
  url: undefined,
  next_step: 'Wait.',
  facts: {
    why: 'a demo',
    regions: ['eu'],
    accelerators: ['h100'],
    gpus: 8,
    cost_per_hour: 23.2,
    stop_after: '4h',
    risks: [],
    destroys: false,
  },
};
const users = new Map([
  ['mel', 'UMEL'],
  ['uma', 'UUMA'],
]);
const here = { userOf: (name: string) => users.get(name) };

describe('a request', () => {
  test('says who wants what, why, where, at what cost and until when, and who is waited for', () => {
    const { text, blocks } = approvalMessage(approval, here);
    expect(text).toBe(
      'Request 7 of mel (through their assistant): launch llama (org/llama at 123) · 23.20 per hour · stops after 4h · private · pending',
    );
    const all = shown({ blocks });
    expect(all).toContain('"user_id":"UMEL"');
    expect(all).toContain(' (through their assistant) wants to ');
    for (const value of ['eu', '8 × h100', '23.20 per hour', '4h after its start', 'Only its owner and admins see it'])
      expect(all).toContain(`{"type":"plain_text","text":"${value}","emoji":false}`);
    expect(all).toContain('1 of 2 · waits for <@UUMA>');
    expect(all).toContain('ada');
    expect(all).toContain('✓ approved');
    expect(all).not.toContain(approval.digest);
    expect(shown(detailsMessage(approval))).toContain(approval.digest);
  });

  test('that is done links what came of it', () => {
    const done = { ...approval, state: 'done' as const, model_id: 'llama:3', decided_by: 'uma' };
    const all = shown(approvalMessage(done, { ...here, cardUrl: 'https://x.slack.com/p1' }));
    expect(all).toContain('*done*, approved by <@UUMA>');
    expect(all).toContain('<https://x.slack.com/p1|llama:3>');
    expect(all).not.toContain('approval.approve');
  });

  test('lets no reason imitate EcoLink: words of people are in rich text, which has no markup', () => {
    const words = '*Approved* :white_check_mark: <!channel>';
    const denied = { ...approval, state: 'denied' as const, reason: { code: 'x', message: words } };
    const vote = {
      ...approval.votes[0],
      person: 'ada',
      vote: 'deny',
      at: approval.asked_at,
      counts: true,
      reason: words,
    };
    const loudly: ShownApproval = {
      ...denied,
      facts: { ...approval.facts, why: words },
      votes: [vote as ShownApproval['votes'][number]],
    };
    for (const message of [approvalMessage(loudly), outcomeMessage(loudly), alarmMessage(loudly)]) {
      const others = message.blocks.filter(({ type }) => type !== 'rich_text');
      expect(shown({ blocks: others })).not.toContain('white_check_mark: <');
      expect(shown({ blocks: others })).not.toContain('*Approved*');
      expect(message.text).not.toContain('<!channel>');
      expect(shown(message)).toContain(words);
    }
  });

  test('mentions at most five people of 122', () => {
    const approvers = Array.from({ length: 122 }, (_, at) => `approver-${at}`);
    const everybody = { userOf: (name: string) => `U${name.toUpperCase()}` };
    const all = shown(approvalMessage({ ...approval, approvers, votes: [] }, everybody));
    expect(all.match(/<@U/g)).toHaveLength(5);
    expect(all).toContain('and 117 more');
  });

  test.each(approvalStates)(
    'stays inside the limits of Slack in the state %s, with as much as there can be',
    (state) => {
      const vote = { person: loud, vote: 'approve' as const, at: now.toISOString(), counts: false, reason: loud };
      const many: ShownApproval = {
        ...approval,
        state,
        requester: loud,
        rule: loud,
        input: loud.repeat(9),
        summary: Array.from({ length: 200 }, () => loud),
        approvers: Array.from({ length: 124 }, () => loud),
        votes: Array.from({ length: 50 }, () => ({ ...vote, assurance: undefined })),
        reason: { code: 'x', message: loud },
        decided_by: loud,
        decided_at: now.toISOString(),
        broken_glass: true,
        facts: {
          ...approval.facts,
          why: loud,
          regions: Array.from({ length: 50 }, () => loud),
          risks: Array.from({ length: 100 }, () => loud),
        },
      };
      const messages = [approvalMessage, outcomeMessage, alarmMessage, reminderMessage, detailsMessage].map((make) =>
        make(many),
      );
      for (const message of [...messages, heardMessage(many, 'U1')]) expect(breachesOfMessage(message)).toEqual([]);
    },
  );
});

describe('the budget of a workspace', () => {
  const update = (isProgress: boolean) => ({ method: 'chat.update', channel: 'C1', isProgress }) as const;
  const post = (channel: string) => ({ method: 'chat.postMessage', channel, isProgress: false }) as const;

  test('keeps a tenth of the updates for decisions, and never passes 50 a minute', () => {
    const budget = createBudget(defaultPace);
    let time = 0;
    let sent = 0;
    for (; time < 60_000; time += 100) {
      if (budget.waitFor(update(true), time) > 0) continue;
      budget.spend(update(true), time);
      sent += 1;
    }
    expect(sent).toBe(40);
    for (let decision = 0; decision < 10; decision++) {
      expect(budget.waitFor(update(false), 59_999)).toBe(0);
      budget.spend(update(false), 59_999);
    }
    expect(budget.waitFor(update(false), 59_999)).toBe(1);
  });

  test('posts once a second in a channel, and waits as long as Slack says', () => {
    const budget = createBudget(defaultPace);
    budget.spend(post('C1'), 0);
    expect([budget.waitFor(post('C1'), 100), budget.waitFor(post('C2'), 100)]).toEqual([1000, 0]);
    budget.block('chat.postMessage', 30_000);
    expect(budget.waitFor(post('C2'), 100)).toBe(29_900);
    expect(budget.waitFor(update(false), 100)).toBe(0);
  });
});

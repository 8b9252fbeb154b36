import { expect, test } from 'vitest';
import type { ModalView } from '@slack/types';
import { newLaunchForm, readLaunchForm, writeLaunchForm } from '../../src/slack/launch/launch-form.ts';
import { launchView } from '../../src/slack/launch/launch-view.ts';
import type { LaunchFacts } from '../../src/slack/launch/launch-view.ts';
import { planView } from '../../src/slack/launch/plan-view.ts';
import type { PlanFacts } from '../../src/slack/launch/plan-view.ts';
import { readLaunchView } from '../../src/slack/launch/read-launch.ts';
import { aPlan, aRegion } from './samples.ts';

const facts: LaunchFacts = { regions: [aRegion('eu-west'), aRegion('us-east')], anyModel: true, fits: aPlan().fits };
const blockIds = (view: ModalView) => view.blocks.map(({ block_id: id }) => id);
const text = (view: ModalView) => JSON.stringify(view.blocks);

test('a form asks for model, regions, accelerators, replicas, end, reason, privacy and the card', () => {
  const view = launchView(newLaunchForm('C1', {}, []), facts);
  expect(blockIds(view)).toEqual([
    'model',
    'regions',
    'accelerators',
    'replicas',
    'stop_after',
    'reason',
    'private',
    'card',
    'more',
  ]);
  const more = launchView({ ...newLaunchForm('C1', {}, []), more: true }, facts);
  expect(blockIds(more)).toEqual(expect.arrayContaining(['runtime', 'context_length', 'arguments', 'elsewhere']));
  expect(blockIds(more)).not.toContain('more');
});

test('a model on a filesystem locks its region, and says why', () => {
  const model = { name: 'llama', category: 'chat', bytes: 1, region: 'eu-west' };
  const view = launchView(newLaunchForm('C1', { model: 'llama' }, []), { ...facts, model });
  expect(blockIds(view)).toContain('region.locked');
  expect(blockIds(view)).not.toContain('regions');
  expect(text(view)).toContain(':lock: *Region*: eu-west. The model is a folder there');
});

test('a field that the policy wants is required, and says so', () => {
  const view = launchView({ ...newLaunchForm('C1', {}, []), wanted: ['stop_after'] }, facts);
  expect(view.blocks).toContainEqual(expect.objectContaining({ block_id: 'stop_after', optional: false }));
  expect(text(view)).toContain('The policy wants an end');
});

test('what was not understood is said', () => {
  expect(text(launchView(newLaunchForm('C1', {}, ['2xb200']), facts))).toContain('Not understood: `2xb200`');
});

test('what somebody chose survives the view; what they cleared stays cleared', () => {
  const form = newLaunchForm('C1', { model: 'llama', reason: 'demo', stop_after: '8h' }, []);
  const view = launchView(form, facts);
  const values = {
    model: { 'launch.model': { selected_option: { value: 'qwen' } } },
    regions: { field: { selected_options: [{ value: 'eu-west' }] } },
    accelerators: { field: { selected_option: { value: 'h100:2' } } },
    reason: { field: { value: null } },
    private: { field: { selected_options: [{ value: 'true' }] } },
    card: { field: { selected_option: { value: 'direct' } } },
  };
  const read = readLaunchView({ private_metadata: view.private_metadata ?? '', state: { values } });
  expect(read?.choices).toMatchObject({
    model: 'qwen',
    regions: ['eu-west'],
    accelerators: 'h100:2',
    stop_after: '8h',
    private: true,
  });
  expect(read?.choices.reason).toBeUndefined();
  expect(read?.direct).toBe(true);
  expect(readLaunchView({ private_metadata: 'x', state: { values } })).toBeUndefined();
});

test('a form that does not fit into the state of a view is not written', () => {
  const long = newLaunchForm('C1', { arguments: Array<string>(10).fill('x'.repeat(400)) }, []);
  expect(writeLaunchForm(long)).toBeUndefined();
  expect(launchView(long, facts).private_metadata?.length).toBeLessThan(3000);
  expect(readLaunchForm('{"id":1}')).toBeUndefined();
});

const plan: PlanFacts = { plan: aPlan(), running: [] };

test('a plan says what it costs until its end, what is fetched, when it is ready and who must agree', () => {
  const form = newLaunchForm('C1', { model: 'llama', stop_after: '8h' }, []);
  const alone = planView(form, plan);
  expect(alone.submit?.text).toBe('Launch');
  expect(alone.close?.text).toBe('Back');
  for (const part of [
    '23.20 an hour',
    '185.60 in 8h',
    '140 GB',
    'about 4 min, mostly within 9 min (from earlier launches)',
    '140 GB to fetch',
    'Needs no approval',
  ])
    expect(text(alone)).toContain(part);
  const approval = { approvers: ['ada', 'grace'], quorum: 2, rule: 'big' };
  const running = [{ model_id: 'llama:7', state: 'running', regions: ['us-east'] }];
  const asked = planView(form, { ...plan, approval, running });
  expect(asked.submit?.text).toBe('Ask for approval');
  expect(text(asked)).toContain('Needs 2 approvals of: ada, grace · rule “big”');
  expect(text(asked)).toContain('Runs already: `llama:7` running in us-east');
  expect(readLaunchForm(asked.private_metadata ?? '')?.digest).toBe(aPlan().digest);
});

test('a plan that drifted is marked, and a plan from a typed line can be changed', () => {
  const form = newLaunchForm('C1', { model: 'llama' }, []);
  expect(text(planView(form, plan, true))).toContain('The plan has changed since you saw it');
  const root = planView({ ...form, root: true }, plan);
  expect(root.close?.text).toBe('Cancel');
  expect(text(root)).toContain('launch.change');
  expect(text(planView(form, plan))).not.toContain('launch.change');
});

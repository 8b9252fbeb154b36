import type { OutputOf } from '../../src/core/operations/catalogue.ts';
import { operations } from '../../src/core/operations/catalogue.ts';
import { confirmMessage, runButton, typedView } from '../../src/slack/blocks/action-blocks.ts';
import { helpMessage } from '../../src/slack/blocks/command-text.ts';
import { modelMessage, modelsMessage } from '../../src/slack/blocks/model-blocks.ts';
import { cacheMessage, regionsMessage } from '../../src/slack/blocks/region-blocks.ts';
import { accessMessage } from '../../src/slack/commands/ask-access.ts';
import { newForm } from '../../src/slack/forms/form.ts';
import { formView } from '../../src/slack/forms/form-view.ts';
import { checkedBlocks } from '../../src/slack/forms/register-extras.ts';
import { homeView } from '../../src/slack/home/home-view.ts';
import { newLaunchForm } from '../../src/slack/launch/launch-form.ts';
import { launchView } from '../../src/slack/launch/launch-view.ts';
import { planView } from '../../src/slack/launch/plan-view.ts';
import type { Screen } from './page.ts';
import * as sample from './samples.ts';

const form = newLaunchForm(
  'C01TEAM',
  {
    model: 'llama-70b',
    regions: ['eu-west'],
    accelerators: 'h100:8',
    stop_after: '8h',
    reason: 'demo for the customer',
  },
  [],
);
const register: OutputOf<'check_model'> = sample.checked;
const now = new Date('2026-03-04T10:00:00Z');

/** Every main screen of the Slack app, by the name of its picture. */
export const screens: Readonly<Record<string, Screen>> = {
  help: { message: helpMessage('member'), onlyYou: true },
  models: { message: modelsMessage(sample.models, { mayLaunch: true, more: false, query: '' }), onlyYou: true },
  model: { message: modelMessage(sample.model, { mayLaunch: true, mayDelete: true }), onlyYou: true },
  regions: { message: regionsMessage(sample.regions), onlyYou: true },
  cache: { message: cacheMessage(sample.volumes, { mayEvict: true, more: false, key: 'k' }), onlyYou: true },
  launch: {
    modal: launchView(form, { regions: sample.regions, anyModel: true, model: sample.model, fits: sample.plan.fits }),
  },
  plan: {
    modal: planView(form, {
      plan: sample.plan,
      running: sample.running,
      approval: { approvers: ['grace', 'alan'], quorum: 1, rule: 'large launches' },
    }),
  },
  'plan-drifted': { modal: planView(form, { plan: { ...sample.plan, cost_per_hour: 26.4 }, running: [] }, true) },
  register: {
    modal: formView(
      operations.register_model,
      newForm(operations.register_model, 'C01TEAM', { name: 'qwen-small', repo: 'Qwen/Qwen2.5-0.5B-Instruct' }),
      { credential: sample.credentials },
      { found: checkedBlocks(register) },
    ),
  },
  'register-folder': {
    modal: formView(
      operations.register_model,
      newForm(operations.register_model, 'C01TEAM', {
        name: 'our-model',
        source: 'filesystem',
        filesystem: 'shared-models',
        subfolder: 'teams/nlp/our-model',
      }),
      { filesystem: sample.filesystems },
    ),
  },
  stop: {
    message: confirmMessage(
      'Stop llama-70b:3?',
      [
        'It is running in eu-west, 1 of 1 ready, launched by ada.',
        'Its accelerators become free. Its weights stay cached.',
      ],
      runButton(
        { operation: 'stop_instance', input: { instance: '3' }, key: 'k' },
        { verb: 'Stop', effect: 'Stop llama-70b:3', danger: true },
      ),
    ),
    onlyYou: true,
  },
  delete: {
    modal: typedView(
      { operation: 'delete_model', input: { model: 'llama-70b' }, key: 'k', expected: 'llama-70b' },
      {
        title: 'Delete a model',
        verb: 'Delete',
        lines: [
          '*llama-70b* leaves the registry. Cached weights, history and audit stay.',
          'It is used by:',
          '• Instance 3 is running',
        ],
        label: 'Type llama-70b to delete it',
      },
    ),
  },
  access: { message: accessMessage({ identity: 'slack:T1/U03ALAN', name: 'alan' }, { team: 'T1', user: 'U03ALAN' }) },
  home: {
    home: homeView({
      role: 'approver',
      at: now,
      waiting: [sample.approval],
      mine: { items: sample.instances, first: true },
      models: { items: sample.models, first: true },
      decided: sample.decided,
      key: 'k',
    }),
  },
};

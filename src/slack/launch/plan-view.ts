import type { KnownBlock, ModalView } from '@slack/types';
import { durationMs } from '../../core/base/duration.ts';
import { formatBytes, formatDuration } from '../../core/base/format.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { openButton, actions } from '../blocks/action-blocks.ts';
import { slackMarkup } from '../blocks/speaker.ts';
import { code, escape, note, plain, section, sectionsOf, shorten, tokens } from '../blocks/text.ts';
import { writeLaunchForm } from './launch-form.ts';
import type { LaunchForm } from './launch-form.ts';

export const planFormId = 'plan.launch_instance';
export const changeActionId = 'launch.change';

export type Plan = OutputOf<'plan_launch'>;

/** What a launch would do, and who must agree. */
export interface PlanFacts {
  plan: Plan;
  /** Absent: no approval is needed. */
  approval?: { approvers: readonly string[]; quorum: number; rule: string } | undefined;
  /** Instances of the model that are not stopped. */
  running: readonly { model_id: string; state: string; regions: readonly string[] }[];
}

const regionsShown = 10;
const warningsShown = 8;
const namesShown = 5;

/** The plan as a view on top of the form. `drifted`: the plan that was shown before is no longer true. */
export function planView(form: LaunchForm, facts: PlanFacts, drifted = false): ModalView {
  const { plan, approval } = facts;
  const asked = approval !== undefined;
  return {
    ...shell({ ...form, digest: plan.digest }),
    submit: plain(asked ? 'Ask for approval' : 'Launch', 24),
    blocks: [
      ...(drifted
        ? [
            section(
              ':warning: *The plan has changed since you saw it.* Nothing was launched. This is the new one.',
              'drifted',
            ),
          ]
        : []),
      section(headline(form, plan), 'headline'),
      figures(form, plan),
      ...sectionsOf(regionLines(plan)),
      approvalBlock(approval),
      ...runningBlocks(facts),
      ...sectionsOf(warningLines(plan)),
      ...(form.root
        ? [actions('change', [{ ...openButton('change', '', 'Change…'), action_id: changeActionId }])]
        : []),
    ],
  };
}

/** Shown while the plan takes longer than Slack waits. `externalId`: the answer replaces it under this id. */
export function planLoadingView(form: LaunchForm, externalId: string): ModalView {
  return {
    ...shell(form),
    external_id: externalId,
    blocks: [section(':hourglass_flowing_sand: Looking at the regions…', 'loading')],
  };
}

function shell(form: LaunchForm): Omit<ModalView, 'blocks'> {
  return {
    type: 'modal',
    callback_id: planFormId,
    title: plain('The plan', 24),
    close: plain(form.root ? 'Cancel' : 'Back', 24),
    private_metadata: writeLaunchForm(form) ?? '',
  };
}

function headline({ choices }: LaunchForm, { model, regions }: Plan): string {
  const [first] = regions;
  const replicas = first?.replicas ?? 1;
  const what = replicas === 1 ? '' : `${replicas} × `;
  const on = first?.accelerator === undefined ? '' : ` on ${first.accelerator_count} × ${escape(first.accelerator)}`;
  const names = regions.slice(0, namesShown).map(({ region }) => escape(shorten(region, 60)));
  const more = regions.length > names.length ? ` and ${regions.length - names.length} more` : '';
  const lock = choices.private ? ' :lock:' : '';
  return `${what}*${escape(model)}*${on} in ${names.join(', ')}${more}${lock}`;
}

/** Four figures that decide: cost, cost until the end, bytes, time. */
function figures({ choices: { stop_after: stop } }: LaunchForm, plan: Plan): KnownBlock {
  const { cost_per_hour: cost, bytes_to_fetch: bytes } = plan;
  const hours = stop === undefined ? undefined : durationMs(stop) / 3_600_000;
  const slowest = Math.max(...plan.regions.map((region) => region.estimated_seconds), 0);
  const latest = Math.max(...plan.regions.map((region) => region.estimated_seconds_p90), 0);
  const history = plan.regions.every((region) => region.estimate_basis === 'history');
  const total = cost === null || hours === undefined ? 'no end' : `${round(cost * hours)} in ${stop}`;
  const texts = [
    `*Cost*\n${cost === null ? 'price unknown' : `${round(cost)} an hour`}`,
    `*Until the end*\n${hours === undefined ? 'it runs until somebody stops it' : total === 'no end' ? `${stop}, price unknown` : total}`,
    `*To fetch*\n${bytes === 0 ? 'nothing, it is cached' : formatBytes(bytes)}`,
    `*Ready in*\nabout ${formatDuration(slowest)}, mostly within ${formatDuration(latest)} (${history ? 'from earlier launches' : 'assumed'})`,
  ];
  return {
    type: 'section',
    block_id: 'figures',
    fields: texts.map((text) => ({ type: 'mrkdwn' as const, text: shorten(text, 2000) })),
  };
}

function round(cost: number): string {
  return cost.toFixed(2);
}

function regionLines({ regions, failover }: Plan): string[] {
  const lines = regions.slice(0, regionsShown).map((each) => {
    const { accelerator, accelerator_count: count, context_length: context, replicas, runtime } = each;
    return [
      `• *${escape(shorten(each.region, 60))}*  ${volumeWords(each.volume)}`,
      ...(replicas === 1 ? [] : [`${replicas} replicas`]),
      ...(accelerator === undefined ? ['no accelerator'] : [`${count} × ${escape(shorten(accelerator, 40))}`]),
      ...(context === null ? [] : [`${tokens(context)} tokens`]),
      escape(shorten(runtime, 60)),
    ].join(' · ');
  });
  const more = regions.length - lines.length;
  return [
    ...lines,
    ...(more > 0 ? [`… and ${more} more regions`] : []),
    ...(failover ? ['It still runs if one region fails.'] : []),
  ];
}

function volumeWords({ state, bytes_to_fetch: bytes }: Plan['regions'][number]['volume']): string {
  switch (state) {
    case 'hit':
      return 'cached';
    case 'mounted':
      return 'mounted, nothing to fetch';
    case 'joining':
      return `joins a download, ${formatBytes(bytes)} left`;
    case 'miss':
      return bytes === 0 ? 'shared with other weights' : `${formatBytes(bytes)} to fetch`;
  }
}

function approvalBlock(approval: PlanFacts['approval']): KnownBlock {
  if (approval === undefined) return note(':white_check_mark: Needs no approval. It starts at once.', 'approval');
  const { approvers, quorum, rule } = approval;
  const shown = approvers.slice(0, namesShown).map((name) => escape(shorten(name, 60)));
  const more = approvers.length > shown.length ? ` and ${approvers.length - shown.length} more` : '';
  const who = shown.length === 0 ? 'nobody, because no approver is left' : `${shown.join(', ')}${more}`;
  return note(
    `:raised_hand: Needs ${quorum} ${quorum === 1 ? 'approval' : 'approvals'} of: ${who} · rule “${escape(shorten(rule, 120))}”`,
    'approval',
  );
}

function runningBlocks({ running }: PlanFacts): KnownBlock[] {
  if (running.length === 0) return [];
  const shown = running.slice(0, namesShown).map(({ model_id: id, state, regions }) => {
    return `${code(id)} ${state} in ${escape(shorten(regions.join(', '), 60))}`;
  });
  const more = running.length > shown.length ? ` and ${running.length - shown.length} more` : '';
  return [note(`:information_source: Runs already: ${shown.join(' · ')}${more}`, 'running')];
}

function warningLines({ warnings, changes }: Plan): string[] {
  const lines = [
    ...warnings.map((warning) => `:warning: ${shorten(slackMarkup(warning), 500)}`),
    ...changes.map((change) => `:warning: Changed since it was registered: ${shorten(escape(change), 300)}`),
  ];
  const more = lines.length - warningsShown;
  return more > 0 ? [...lines.slice(0, warningsShown), `… and ${more} more warnings`] : lines;
}

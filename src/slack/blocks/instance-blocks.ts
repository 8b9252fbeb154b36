import { formatAge, progressBar } from '../../core/base/format.ts';
import { run, say } from '../../core/base/prose.ts';
import { isSettled } from '../../core/core.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { slackMarkup, slackWords } from './speaker.ts';
import { code, escape, note, section, sectionsOf, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

export type Instance = OutputOf<'get_instance'>;
export type InstanceSummary = OutputOf<'list_instances'>['items'][number];
type InstanceState = Instance['state'];

/** Further regions are only counted, so that a message stays inside Slack's limits. */
const regionsShown = 12;

/** Cells of the bar: a phone shows the line without wrapping. */
const barWidth = 12;

export const stateIcons = {
  pending: ':hourglass_flowing_sand:',
  downloading: ':arrow_down:',
  starting: ':hourglass_flowing_sand:',
  running: ':large_green_circle:',
  degraded: ':large_yellow_circle:',
  failed: ':red_circle:',
  stopping: ':hourglass_flowing_sand:',
  stopped: ':white_circle:',
} satisfies Record<InstanceState, string>;

/** One instance: its state, each region with its progress, and how to call it once it runs. */
export function instanceMessage(instance: Instance): SlackMessage {
  const ready = `${instance.ready}/${instance.replicas} ready`;
  const [only, ...others] = instance.regions;
  const alone = only !== undefined && others.length === 0;
  const inRegion = alone ? ` in ${shorten(escape(only.region), 80)}` : '';
  const lines = alone ? [regionDetails(only).join(' · ')].filter(Boolean) : regionLines(instance.regions);
  return {
    text: `${escape(instance.model_id)} is ${instance.state} (${ready})`,
    blocks: [
      section(`${stateIcons[instance.state]} *${escape(instance.model_id)}* is *${instance.state}*${inRegion}`),
      ...sectionsOf(lines),
      ...(isCallable(instance.state) ? [section(howToCall(instance))] : []),
      note(
        `Instance ${instance.id} · ${ready} · ${shorten(escape(instance.runtime), 100)} · launched by ${shorten(escape(instance.owner), 200)}`,
      ),
    ],
  };
}

function isCallable(state: InstanceState): boolean {
  return state === 'running' || state === 'degraded';
}

function howToCall(instance: Instance): string {
  return `Call it with model ${code(instance.model_id)} at ${code(instance.url)}`;
}

function regionLines(regions: Instance['regions']): string[] {
  const lines = regions.slice(0, regionsShown).map((region) => {
    const head = `${stateIcons[region.state]} ${shorten(escape(region.region), 80)}: ${region.state}`;
    return [head, `${region.ready}/${region.replicas} ready`, ...regionDetails(region)].join(' · ');
  });
  const more = regions.length - regionsShown;
  return more > 0 ? [...lines, `… and ${more} more regions`] : lines;
}

/** The download, the crashes and the reason of a region. */
function regionDetails({ state, progress, restarts, reason }: Instance['regions'][number]): string[] {
  return [
    ...(progress && !isSettled(state) ? [code(progressBar(progress, barWidth))] : []),
    ...(restarts > 0 ? [`restarted ${restarts === 1 ? 'once' : `${restarts} times`}`] : []),
    ...(reason ? [shorten(escape(reason.message), 400)] : []),
  ];
}

/** Many instances, a line each. */
export function instancesMessage(instances: readonly InstanceSummary[], more: boolean, now: Date): SlackMessage {
  if (instances.length === 0) {
    const text = say`No instance yet. Launch one with ${run('launch_instance')}.`;
    return { text: slackWords(text), blocks: [section(slackMarkup(text))] };
  }
  const lines = instances.map((instance) => {
    const regions = shorten(instance.regions.join(', '), 60);
    return `${stateIcons[instance.state]} ${code(instance.model_id)} ${instance.state} · ${instance.ready}/${instance.replicas} ready · ${escape(regions)} · ${escape(instance.owner)} · ${formatAge(instance.created_at, now)}`;
  });
  return {
    text: `${instances.length} instances`,
    blocks: [
      ...sectionsOf(lines),
      note(
        slackMarkup(
          say`${more ? 'These are the newest; there are more. ' : ''}To see one in full: ${run('get_instance', { instance: instances[0]?.id })}`,
        ),
      ),
    ],
  };
}

/** Replaces the card of an instance that is deleted. */
export function goneMessage(instance: number): SlackMessage {
  const text = `Instance ${instance} no longer exists.`;
  return { text, blocks: [section(`:white_circle: ${text}`)] };
}

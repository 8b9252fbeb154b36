import type { z } from 'zod';
import { formatAge, progressBar } from '../../core/base/format.ts';
import { isSettled } from '../../core/instances/states.ts';
import type { InstanceState } from '../../core/instances/states.ts';
import type { instanceShape, instanceSummary } from '../../core/operations/shapes.ts';
import { code, escape, note, section, sectionsOf, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

export type Instance = z.output<typeof instanceShape>;
export type InstanceSummary = z.output<typeof instanceSummary>;

/** More regions than these are counted, so that a message stays inside Slack's limits. */
const regionsShown = 12;

/** Cells of the bar: a phone shows the line without wrapping. */
const barWidth = 12;

const icons = {
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
  const where = alone ? ` in ${shorten(escape(only.region), 80)}` : '';
  const lines = alone ? [regionDetails(only).join(' · ')].filter(Boolean) : regionLines(instance.regions);
  return {
    text: `${escape(instance.model_id)} is ${instance.state} (${ready})`,
    blocks: [
      section(`${icons[instance.state]} *${escape(instance.model_id)}* is *${instance.state}*${where}`),
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
    const head = `${icons[region.state]} ${shorten(escape(region.region), 80)}: ${region.state}`;
    return [head, `${region.ready}/${region.replicas} ready`, ...regionDetails(region)].join(' · ');
  });
  const more = regions.length - regionsShown;
  return more > 0 ? [...lines, `… and ${more} more regions`] : lines;
}

/** What there is to say of a region besides its state: the download, the crashes, the reason. */
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
    const text = 'No instance yet. Launch one with `/ecolink launch`.';
    return { text, blocks: [section(text)] };
  }
  const lines = instances.map((instance) => {
    const where = shorten(instance.regions.join(', '), 60);
    return `${icons[instance.state]} ${code(instance.model_id)} ${instance.state} · ${instance.ready}/${instance.replicas} ready · ${escape(where)} · ${escape(instance.owner)} · ${formatAge(instance.created_at, now)}`;
  });
  return {
    text: `${instances.length} instances`,
    blocks: [
      ...sectionsOf(lines),
      note(
        `${more ? 'These are the newest; there are more. ' : ''}One of them in full: \`/ecolink status ${instances[0]?.id ?? 1}\``,
      ),
    ],
  };
}

/** What a launch's message becomes when its instance is no longer there to be shown. */
export function goneMessage(instance: number): SlackMessage {
  const text = `Instance ${instance} is not there any more.`;
  return { text, blocks: [section(`:white_circle: ${text}`)] };
}

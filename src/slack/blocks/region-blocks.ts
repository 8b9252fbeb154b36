import type { KnownBlock } from '@slack/types';
import { formatBytes, progressBar } from '../../core/base/format.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { runButton } from './action-blocks.ts';
import { code, escape, note, section, sectionsOf, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

export type Region = OutputOf<'list_regions'>['items'][number];
export type Volume = OutputOf<'list_cache'>['items'][number];

/** Further ones are counted only. */
const regionsShown = 50;
const volumesShown = 20;

/** Regions with their accelerators, prices and storage. */
export function regionsMessage(regions: readonly Region[]): SlackMessage {
  if (regions.length === 0) {
    const text = 'No region is configured. Ask whoever runs the server to add one.';
    return { text, blocks: [section(text)] };
  }
  const lines = regions.slice(0, regionsShown).map(regionLine);
  const more = regions.length - lines.length;
  return {
    text: `${regions.length} regions`,
    blocks: [section('*Regions*'), ...sectionsOf(lines), ...(more > 0 ? [note(`… and ${more} more regions`)] : [])],
  };
}

function regionLine({ name, reachable, reason, accelerators, storage_free_bytes: storage }: Region): string {
  const head = `${reachable ? ':large_green_circle:' : ':red_circle:'} *${shorten(escape(name), 60)}*`;
  if (!reachable) return `${head}  not reachable${reason === undefined ? '' : `: ${shorten(escape(reason), 120)}`}`;
  const kinds = accelerators.slice(0, 3).map(acceleratorWords);
  const more = accelerators.length > 3 ? [`and ${accelerators.length - 3} more kinds`] : [];
  return [
    head,
    [
      ...(kinds.length === 0 ? ['no accelerators'] : kinds),
      ...more,
      ...(storage === null ? [] : [`${formatBytes(storage)} storage free`]),
    ].join(' · '),
  ].join('  ');
}

/** `h100 3 of 8 free, 2.90 an hour`. */
export function acceleratorWords({ name, total, free, price_per_hour: price }: Region['accelerators'][number]): string {
  const count =
    free === null ? (total === null ? '' : ` ${total}`) : ` ${free}${total === null ? '' : ` of ${total}`} free`;
  return `${shorten(escape(name), 40)}${count}${price === null ? '' : `, ${price} an hour`}`;
}

/** Cached weights. Whoever may evict gets a button for each volume that nothing uses. */
export function cacheMessage(
  volumes: readonly Volume[],
  { mayEvict, more, key }: { mayEvict: boolean; more: boolean; key: string },
): SlackMessage {
  if (volumes.length === 0) {
    const text = 'No weights are cached yet. The first launch of a model fetches them.';
    return { text, blocks: [section(text)] };
  }
  const rows = volumes.slice(0, volumesShown).map((volume) => volumeRow(volume, mayEvict, key));
  return {
    text: `${volumes.length} cached volumes`,
    blocks: [
      section('*Cached weights*'),
      ...rows,
      ...(more || volumes.length > volumesShown ? [note('There are more.')] : []),
    ],
  };
}

function volumeRow(volume: Volume, mayEvict: boolean, key: string): KnownBlock {
  const { repo, commit, region, bytes, state, progress, in_use_by: users, pinned } = volume;
  const used = users.slice(0, 8).join(', ');
  const row = section(
    [
      `${code(shorten(repo, 100))}${commit === '' ? '' : ` ${code(commit.slice(0, 7))}`} in *${shorten(escape(region), 60)}*`,
      [
        progress && state === 'downloading' ? code(progressBar(progress, 12)) : `${state}, ${formatBytes(bytes)}`,
        users.length === 0 ? 'not in use' : `used by ${used}`,
        ...(pinned ? [':pushpin: pinned'] : []),
      ].join(' · '),
    ].join('\n'),
  );
  if (!mayEvict || users.length > 0 || pinned || row.type !== 'section') return row;
  const action = { operation: 'evict_cache', input: { volume: volume.volume }, key: `${key}.${volume.volume}` };
  const effect = `The weights of ${repo} in ${region} are deleted: ${formatBytes(bytes)}. The next launch fetches them again.`;
  return { ...row, accessory: runButton(action, { verb: 'Evict', effect, danger: true }) };
}

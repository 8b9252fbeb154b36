import type { KnownBlock } from '@slack/types';
import { formatBytes } from '../../core/base/format.ts';
import { run, say } from '../../core/base/prose.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { actions, openButton } from './action-blocks.ts';
import { slackMarkup, slackWords } from './speaker.ts';
import { code, escape, note, section, sectionsOf, shorten, when } from './text.ts';
import type { SlackMessage } from './text.ts';

export type ModelSummary = OutputOf<'list_models'>['items'][number];
export type Model = OutputOf<'get_model'>;

/** What a reader may do with a model. */
export interface ModelRights {
  mayLaunch: boolean;
  mayDelete: boolean;
}

const namesShown = 80;
const warningsShown = 5;

/** One line of a model: name, category, size and source. */
export function modelLine({ name, category, bytes, origin }: ModelSummary): string {
  return `${code(shorten(name, namesShown))}  ${category} · ${formatBytes(bytes)} · ${shorten(escape(origin), 150)}`;
}

/** A list of models. Whoever may launch gets a button for each. */
export function modelsMessage(
  models: readonly ModelSummary[],
  { mayLaunch, more, query }: { mayLaunch: boolean; more: boolean; query: string },
): SlackMessage {
  if (models.length === 0) {
    const text =
      query === ''
        ? say`No model yet. Add one with ${run('register_model')}.`
        : `No model has "${query}" in its name or source.`;
    return { text: slackWords(text), blocks: [section(slackMarkup(text))] };
  }
  const rows = models.map((model): KnownBlock => {
    const row = section(modelLine(model));
    return row.type === 'section' && mayLaunch
      ? { ...row, accessory: openButton('launch', model.name, 'Launch…') }
      : row;
  });
  const hint = more ? say`There are more. Search with ${run('get_model', { model: 'word' })}.` : '';
  return {
    text: `${models.length} models`,
    blocks: [section('*Models*'), ...rows, ...(hint === '' ? [] : [note(slackMarkup(hint))])],
  };
}

/** One model in full. */
export function modelMessage(model: Model, { mayLaunch, mayDelete }: ModelRights): SlackMessage {
  const facts = [
    model.category,
    formatBytes(model.bytes),
    `${model.file_count} ${model.file_count === 1 ? 'file' : 'files'}`,
    model.format,
    model.licence === undefined ? 'licence unknown' : `licence ${shorten(escape(model.licence), 60)}`,
    ...(model.gated ? ['gated'] : []),
    ...(model.private ? [':lock: private'] : []),
    ...(model.region === undefined ? [] : [`only in ${escape(model.region)}`]),
  ];
  const commit = model.commit === undefined ? '' : ` at ${code(model.commit.slice(0, 12))}`;
  const used = model.instances.slice(0, 10).map(({ id, state }) => `${id} (${state})`);
  return {
    text: `${escape(model.name)}: ${model.category}, ${formatBytes(model.bytes)}`,
    blocks: [
      section(`*${escape(model.name)}*\n${shorten(escape(model.origin), 300)}${commit}`),
      section(facts.join(' · ')),
      ...sectionsOf(
        model.warnings.slice(0, warningsShown).map((warning) => `:warning: ${shorten(slackMarkup(warning), 500)}`),
      ),
      note(
        [
          `by ${shorten(escape(model.owner), 100)}`,
          when(model.created_at),
          used.length === 0 ? 'no instance' : `instances ${used.join(', ')}`,
        ].join(' · '),
      ),
      ...buttonsOf(model.name, { mayLaunch, mayDelete }),
    ],
  };
}

function buttonsOf(name: string, { mayLaunch, mayDelete }: ModelRights): KnownBlock[] {
  const buttons = [
    ...(mayLaunch ? [openButton('launch', name, 'Launch…', true)] : []),
    ...(mayDelete ? [openButton('delete', name, 'Delete…')] : []),
  ];
  return buttons.length === 0 ? [] : [actions('model', buttons)];
}

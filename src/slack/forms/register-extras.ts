import type { KnownBlock } from '@slack/types';
import { formatBytes } from '../../core/base/format.ts';
import type { Operation } from '../../core/operation/operation.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { actions, openButton } from '../blocks/action-blocks.ts';
import { slackMarkup } from '../blocks/speaker.ts';
import { code, escape, note, section, sectionsOf, shorten, tokens } from '../blocks/text.ts';
import type { Choices } from './field-block.ts';
import type { Form } from './form.ts';

export const checkActionId = 'register.check';
export const credentialActionId = 'register.credential';

type Checked = OutputOf<'check_model'>;

/** A choice of these fields changes what the form says. */
export function isExtraSwitch({ name }: Operation, field: string): boolean {
  return name === 'register_model' && field === 'filesystem';
}

/** What the form for a model has besides its fields: where a filesystem locks it to, and its two buttons. */
export function extrasOf({ name }: Operation, { values }: Form, choices: Choices): KnownBlock[] {
  if (name !== 'register_model') return [];
  const about = choices['filesystem']?.find(({ value }) => value === values['filesystem'])?.about;
  const locked = values['source'] === 'filesystem' && about !== undefined;
  const check = { ...openButton('check', '', 'Check'), action_id: checkActionId };
  const add = { ...openButton('credential', '', 'Add a credential'), action_id: credentialActionId };
  return [
    ...(locked
      ? [note(`:lock: *Region*: ${escape(about)}. The folder is only there, so the model runs only there.`, 'locked')]
      : []),
    actions('check', values['source'] === 'huggingface' ? [check, add] : [check]),
  ];
}

const fitsShown = 6;
const warningsShown = 5;

/** What a check of the real source found. */
export function checkedBlocks(found: Checked): KnownBlock[] {
  const {
    commit,
    bytes,
    file_count: files,
    format,
    gated,
    downloadable,
    licence,
    category,
    category_reason: why,
  } = found;
  const access = gated
    ? downloadable
      ? 'gated, and this credential may read it'
      : 'gated: it cannot be downloaded yet'
    : 'open';
  const texts = [
    `*Size*\n${formatBytes(bytes)} in ${files} ${files === 1 ? 'file' : 'files'}, ${format}`,
    `*Category*\n${category === undefined ? 'choose one below' : `${category} (${shorten(escape(why), 200)})`}`,
    `*Access*\n${access}`,
    `*Licence*\n${licence === undefined ? 'unknown' : shorten(escape(licence), 100)}`,
  ];
  const at = commit === undefined ? '' : ` at ${code(commit.slice(0, 12))}`;
  const moved = found.entries
    .slice(0, 5)
    .map(({ name, moved: has }) => `${code(name)}${has ? ' (an older commit)' : ''}`);
  return [
    section(`:white_check_mark: *Found* ${code(shorten(found.repo ?? found.path ?? '', 200))}${at}`, 'found'),
    { type: 'section', fields: texts.map((text) => ({ type: 'mrkdwn' as const, text })) },
    section(fitWords(found), 'fits'),
    ...(moved.length === 0 ? [] : [note(`Registered already: ${moved.join(', ')}`, 'entries')]),
    ...sectionsOf(
      found.warnings.slice(0, warningsShown).map((warning) => `:warning: ${shorten(slackMarkup(warning), 500)}`),
    ),
  ];
}

function fitWords({ fits, runtimes, memory_bytes: memory }: Checked): string {
  const needs = memory === null ? '' : ` It needs about ${formatBytes(memory)}.`;
  if (fits.length > 0) {
    const lines = fits.slice(0, fitsShown).map(({ count, accelerator, region, context_length: context }) => {
      return `${count} × ${escape(accelerator)} in ${escape(region)} (${tokens(context)} tokens)`;
    });
    const more = fits.length > lines.length ? ` and ${fits.length - lines.length} more` : '';
    return `*Held by* ${lines.join(', ')}${more}.${needs}`;
  }
  const regions = [...new Set(runtimes.map(({ region }) => region))].slice(0, fitsShown);
  return regions.length === 0
    ? `:warning: No region can run it now.${needs}`
    : `*Runs in* ${regions.map((region) => escape(region)).join(', ')}. EcoLink cannot tell which accelerators hold it.${needs}`;
}

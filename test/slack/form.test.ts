import { expect, test } from 'vitest';
import { fail } from '../../src/core/base/errors.ts';
import { catalogue, findOperation } from '../../src/core/operations/catalogue.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import type { Operation } from '../../src/core/operation/operation.ts';
import { fieldBlock } from '../../src/slack/forms/field-block.ts';
import { inputOf, newForm, readForm, visibleFields, withValues, writeForm } from '../../src/slack/forms/form.ts';
import type { Form } from '../../src/slack/forms/form.ts';
import { formView, loadingView } from '../../src/slack/forms/form-view.ts';
import { readChoices, readValues } from '../../src/slack/forms/read-values.ts';
import type { ShownBlock } from '../../src/slack/forms/read-values.ts';
import { breachesOfModal } from '../support/slack-limits.ts';

const register = operation('register_model');
const launch = operation('launch_instance');

function operation(name: string): Operation {
  const found = findOperation(name);
  if (!found) throw new Error(`no operation ${name}`);
  return found;
}

function namesIn(view: { blocks: readonly object[] }): string[] {
  return view.blocks.map((block) => (block as { block_id?: string }).block_id ?? '');
}

function typed(value: string) {
  return { field: { value } };
}

function chosen(value: string, action = 'field') {
  return { [action]: { selected_option: { value } } };
}

test('a form asks for what belongs to the chosen source and for nothing else', () => {
  const fromHub = newForm(register, 'C1', {});
  expect(visibleFields(register, fromHub.values).map(({ name }) => name)).toEqual([
    'name',
    'source',
    'repo',
    'revision',
    'credential',
    'category',
  ]);
  const fromFolder = withValues(register, fromHub, { source: 'filesystem' });
  expect(namesIn(formView(register, fromFolder, {}))).toEqual([
    'name',
    'source',
    'filesystem',
    'subfolder',
    'category',
    'check',
  ]);
});

test('every operation that Slack has makes a form inside the limits, whatever its fields hold', () => {
  for (const each of catalogue.filter(({ frontEnds }) => frontEnds.includes('slack'))) {
    const values = Object.fromEntries(inputFields(each).map(({ name }) => [name, '<!channel> & '.repeat(300)]));
    for (const given of [{}, values]) {
      const form = newForm(each, 'C1', given);
      const breaches = [loadingView(each, form), formView(each, form, {}, { checking: true })].flatMap(breachesOfModal);
      expect({ operation: each.name, breaches }).toEqual({ operation: each.name, breaches: [] });
    }
  }
});

test('each kind of field becomes the element that Slack has for it', () => {
  const kinds = Object.fromEntries(
    catalogue.flatMap(inputFields).map((field) => {
      const block = fieldBlock(field, undefined, undefined, { switches: false });
      return [field.type, block.type === 'input' ? block.element.type : block.type];
    }),
  );
  expect(kinds).toEqual({
    string: 'plain_text_input',
    enum: 'static_select',
    list: 'plain_text_input',
    boolean: 'checkboxes',
    number: 'number_input',
  });
});

test('a field carries its label, help and example, and asks to be told when others depend on it', () => {
  const view = formView(register, newForm(register, 'C1', {}), {});
  expect(view.blocks[0]).toMatchObject({
    type: 'input',
    block_id: 'name',
    optional: false,
    label: { text: 'Name' },
    element: { type: 'plain_text_input', action_id: 'field', placeholder: { text: 'tiny-chat' } },
  });
  expect(view.blocks[1]).toMatchObject({
    block_id: 'source',
    dispatch_action: true,
    element: { action_id: 'switch', initial_option: { value: 'huggingface' } },
  });
  expect(view.blocks[2]).toMatchObject({ block_id: 'repo', optional: false });
  expect(view.blocks[3]).toMatchObject({ block_id: 'revision', optional: true });
});

test('choices become a menu, several where the field is a list, and go back and forth with the view', () => {
  const choices = {
    model: [{ value: 'tiny', label: 'tiny' }],
    regions: [
      { value: 'eu', label: 'eu' },
      { value: 'us', label: 'us' },
    ],
  };
  const form = newForm(launch, 'C1', { model: 'tiny', regions: ['us'] });
  const view = formView(launch, form, choices);
  expect(view.blocks[0]).toMatchObject({ element: { type: 'static_select', initial_option: { value: 'tiny' } } });
  expect(view.blocks[1]).toMatchObject({
    element: { type: 'multi_static_select', initial_options: [{ value: 'us' }] },
  });
  expect(breachesOfModal(view)).toEqual([]);
  expect(readChoices(launch, form, view.blocks as ShownBlock[])).toEqual(choices);
});

test('a form whose required menu is empty says so in its place', () => {
  const form = newForm(launch, 'C1', {});
  const view = formView(launch, form, { model: [] });
  expect(JSON.stringify(view.blocks[0])).toContain('there are no models to choose from yet');
  expect(breachesOfModal(view)).toEqual([]);
  expect(readChoices(launch, form, view.blocks as ShownBlock[])).toEqual({ model: [] });
});

test('what was typed becomes the input of the operation, with its types', () => {
  const values = readValues(launch, newForm(launch, 'C1', {}), {
    model: chosen('tiny'),
    regions: { field: { selected_options: [{ value: 'eu' }, { value: 'us' }] } },
    replicas: typed('2'),
  });
  expect(inputOf(launch, values)).toEqual({ model: 'tiny', regions: ['eu', 'us'], replicas: 2 });
});

test('a list without a menu is one value per line', () => {
  const values = readValues(launch, newForm(launch, 'C1', {}), { regions: typed(' eu \n\nus\n') });
  expect(inputOf(launch, values)).toEqual({ regions: ['eu', 'us'] });
});

test('a number that is none goes on as it was typed, for the operation to refuse', () => {
  expect(inputOf(launch, { model: 'tiny', replicas: 'two' })).toEqual({ model: 'tiny', replicas: 'two' });
});

test('what was typed for one source waits there while the other is shown, and is not sent with it', () => {
  const start = newForm(register, 'C1', {});
  const before = readValues(register, start, {
    name: typed('mine'),
    source: chosen('filesystem', 'switch'),
    repo: typed('owner/name'),
    revision: { field: { value: null } },
  });
  const switched = withValues(register, start, before);
  expect(inputOf(register, switched.values)).toEqual({ name: 'mine', source: 'filesystem' });
  const back = readValues(register, switched, { name: typed('mine'), source: chosen('huggingface', 'switch') });
  const again = withValues(register, switched, back);
  expect(again.prefilled).toContain('repo');
  expect(inputOf(register, again.values)).toEqual({ name: 'mine', source: 'huggingface', repo: 'owner/name' });
});

test('a revision that was cleared after the source was switched away and back stays cleared', () => {
  const start = newForm(register, 'C1', { name: 'mine' });
  const typedOnce = withValues(register, start, {
    ...start.values,
    repo: 'a/b',
    revision: 'v1',
  });
  const away = withValues(register, typedOnce, { ...typedOnce.values, source: 'filesystem' });
  const back = withValues(register, away, { ...away.values, source: 'huggingface' });
  const ids = namesIn(formView(register, back, {}));
  // A new id: with the old one, Slack would show what the old block held.
  expect(ids).toContain('revision~1');
  const cleared = readValues(register, back, {
    'revision~1': { field: { value: null } },
    'repo~1': { field: { value: null } },
  });
  expect(cleared).not.toHaveProperty('revision');
  // A required field cannot be sent empty, so an empty one was not touched.
  expect(cleared).toMatchObject({ repo: 'a/b' });
  const again = withValues(
    register,
    withValues(register, { ...back, values: cleared }, { ...cleared, source: 'filesystem' }),
    cleared,
  );
  expect(inputOf(register, again.values)).toEqual({ name: 'mine', source: 'huggingface', repo: 'a/b' });
  expect(namesIn(formView(register, again, {}))).toContain('repo~2');
  const error = fail('bad_field', 'x', { nextStep: 'y', field: 'repo' });
  expect(namesIn(formView(register, again, {}, { error }))).toContain('error.repo');
});

test('a filesystem shows its region and path, and locks the region once it is chosen', () => {
  const choices = { filesystem: [{ value: 'shared', label: 'shared', about: 'eu-west · /models' }] };
  const form = newForm(register, 'C1', { source: 'filesystem' });
  const before = JSON.stringify(formView(register, form, choices).blocks);
  expect(before).toContain('"description":{"type":"plain_text","text":"eu-west · /models"}');
  expect(before).not.toContain(':lock:');
  const chosenForm = withValues(register, form, { ...form.values, filesystem: 'shared' });
  const view = formView(register, chosenForm, choices);
  expect(JSON.stringify(view.blocks)).toContain(':lock: *Region*: eu-west · /models. The folder is only there');
  expect(readChoices(register, chosenForm, view.blocks as ShownBlock[])).toEqual(choices);
});

test('a field that came filled in keeps its value when Slack sends it back empty; a typed one can be emptied', () => {
  const form: Form = {
    id: 'form_1',
    values: { source: 'huggingface', repo: 'a/b', revision: 'v1' },
    prefilled: ['repo'],
  };
  const values = readValues(register, form, { repo: { field: { value: null } }, revision: { field: { value: null } } });
  expect(values).toEqual({ source: 'huggingface', repo: 'a/b' });
});

test('an error stands under its field, and above the form where it has none', () => {
  const form = newForm(register, 'C1', { name: 'mine' });
  const error = (field: string) => fail('bad_field', 'No <b> & c.', { nextStep: 'Correct it.', field });
  const under = formView(register, form, {}, { error: error('repo') });
  const names = namesIn(under);
  expect(names.indexOf('error.repo')).toBe(names.indexOf('repo') + 1);
  expect(JSON.stringify(under.blocks)).toContain('No &lt;b&gt; &amp; c.');
  expect(namesIn(formView(register, form, {}, { error: error('include') }))[0]).toBe('error');
});

test('a form survives its trip through Slack', () => {
  const form = newForm(register, 'C1', { name: 'mine', repo: 'a/b' });
  expect(readForm(writeForm(form))).toEqual(form);
  expect(readForm('')).toBeUndefined();
  expect(readForm('{"id":7}')).toBeUndefined();
});

test('a token typed by mistake is neither kept in the view nor sent back to it', () => {
  const token = `hf_${'a'.repeat(30)}`;
  const form = newForm(register, 'C1', { name: 'mine', credential: token });
  expect(JSON.stringify(formView(register, form, {}))).not.toContain(token);
});

test('values too long for a view are given up from the longest', () => {
  const form = newForm(register, 'C1', { name: 'mine', repo: 'r'.repeat(2900), subfolder: 's'.repeat(200) });
  const kept = readForm(writeForm(form))?.values;
  expect(kept).toMatchObject({ name: 'mine', subfolder: 's'.repeat(200) });
  expect(kept).not.toHaveProperty('repo');
});

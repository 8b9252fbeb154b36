import { describe, expect, test } from 'vitest';
import {
  fieldRef,
  plainWords,
  proseSchema,
  render,
  run,
  say,
  sentences,
  task,
  tasks,
} from '../../../src/core/base/prose.ts';
import type { Prose, Speaker } from '../../../src/core/base/prose.ts';

/** Marks each kind of reference. */
const marking: Speaker = {
  operation: ({ operation, input }) => `<op ${operation} ${JSON.stringify(input ?? {})}>`,
  field: ({ field, value }) => `<field ${field} ${value ?? '-'}>`,
  task: ({ task: name, about }) => `<task ${name} ${about ?? '-'}>`,
};

describe('a text', () => {
  test('without references is a plain string, whatever it is made of', () => {
    expect(say``).toBe('');
    expect(say`${'all'}`).toBe('all');
    expect(say`${2} of ${'three'}, ${say`and ${0} more`}.`).toBe('2 of three, and 0 more.');
  });

  test('keeps its references as data, between strings that are joined', () => {
    expect(say`${'Stop'} it: ${run('stop_instance', { instance: 3 })}${''}${', '}then wait.`).toEqual([
      'Stop it: ',
      { operation: 'stop_instance', input: { instance: 3 } },
      ', then wait.',
    ]);
  });

  test('has no empty strings at its ends or between two references', () => {
    expect(say`${run('list_models')}${fieldRef('model')}`).toEqual([{ operation: 'list_models' }, { field: 'model' }]);
  });

  test('takes in other texts, however deep they lie', () => {
    const inner = say`give ${fieldRef('reason')}`;
    const outer = say`First ${say`(${inner})`}, then ${inner}.`;
    expect(outer).toEqual(['First (give ', { field: 'reason' }, '), then give ', { field: 'reason' }, '.']);
  });

  test('may quote backticks, braces and backslashes', () => {
    expect(say`\`${'name'}\`, \${x}, C:\\models`).toBe('`name`, ${x}, C:\\models');
  });

  test('is not changed by what it is put into', () => {
    const inner = say`see ${run('get_model')}`;
    const before = structuredClone(inner);
    expect(say`${inner}${'!'}`).toEqual(['see ', { operation: 'get_model' }, '!']);
    expect(inner).toEqual(before);
  });
});

test('an operation has no field without a value, and no empty input', () => {
  expect(run('launch_instance', { model: 'tiny', region: undefined })).toStrictEqual({
    operation: 'launch_instance',
    input: { model: 'tiny' },
  });
  expect(run('list_models', { query: undefined })).toStrictEqual({ operation: 'list_models' });
});

describe('sentences', () => {
  test('are joined by one space each, and empty ones leave none', () => {
    expect(sentences('One.', '', 'Two.', say``, [])).toBe('One. Two.');
    expect(sentences('', 'One.')).toBe('One.');
    expect(sentences()).toBe('');
  });

  test('keep their references', () => {
    expect(sentences('One.', say`${run('list_regions')} helps.`, 'Two.')).toEqual([
      'One. ',
      { operation: 'list_regions' },
      ' helps. Two.',
    ]);
  });
});

describe('a front end', () => {
  test('says each kind of reference in its own words', () => {
    const text = say`Use ${run('get_instance', { instance: 3 })} with ${fieldRef('region', 'eu')}, or ${task('add_region')}.`;
    expect(render(text, marking)).toBe(
      'Use <op get_instance {"instance":3}> with <field region eu>, or <task add_region ->.',
    );
  });

  test('says plain strings as they are', () => {
    expect(render('Call get_instance.', marking)).toBe('Call get_instance.');
    expect(render([], marking)).toBe('');
  });

  test('gets a task that it knows, and never one of a newer server', () => {
    const text: Prose = ['First ', { task: 'water_plants', about: 'ficus' }, ', then ', task('run_doctor'), '.'];
    expect(render(text, marking)).toBe('First water plants (ficus), then <task run_doctor ->.');
  });
});

describe('plain words', () => {
  test('name operations with their input, and fields in quotes', () => {
    expect(plainWords(say`Try ${run('list_models')}.`)).toBe('Try list_models.');
    const launch = run('launch_instance', { model: 'tiny', regions: ['eu', 'us'], replicas: 2, wait: true });
    expect(plainWords(say`Try ${launch}.`)).toBe(
      'Try launch_instance (model: "tiny", regions: ["eu","us"], replicas: 2, wait: true).',
    );
    expect(plainWords(say`Set ${fieldRef('region')} or ${fieldRef('region', 'eu')}.`)).toBe(
      'Set "region" or "region": "eu".',
    );
  });

  test('exist for every task', () => {
    expect(plainWords(say`First ${task('add_credential', 'team')}.`)).toBe('First store a Hugging Face token (team).');
    for (const name of tasks) expect(plainWords([task(name)])).toMatch(/^[a-z].* /);
  });
});

describe('a text that is stored or sent', () => {
  test('comes back as it was', () => {
    const text = sentences(
      say`${run('launch_instance', { model: 'tiny', regions: ['eu'], replicas: 2, wait: false })}!`,
      say`${fieldRef('region')} ${fieldRef('region', 'eu')} ${task('add_region')} ${task('add_credential', 'team')}`,
    );
    expect(proseSchema.parse(JSON.parse(JSON.stringify(text)))).toEqual(text);
    expect(proseSchema.parse('Older versions store this.')).toBe('Older versions store this.');
  });

  test('may name a task that only a newer version knows', () => {
    expect(plainWords(proseSchema.parse(['Please ', { task: 'water_plants' }, '.']))).toBe('Please water plants.');
  });

  test('is refused if it has another form', () => {
    for (const bad of [3, null, { operation: 'x' }, [{ operation: 3 }], [{}], [['nested']]]) {
      expect(proseSchema.safeParse(bad).success).toBe(false);
    }
  });
});

import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { jsonText } from '../../src/cli/output/json.ts';
import { hintOf, render, renderNames } from '../../src/cli/output/render.ts';
import { table } from '../../src/cli/output/table.ts';
import { run, say } from '../../src/core/base/prose.ts';
import { findOperation } from '../../src/core/operations/catalogue.ts';
import type { Operation } from '../../src/core/operation/operation.ts';

const now = Date.parse('2026-11-02T10:05:00Z');
const options = { width: undefined, now };

test('a list is a table of its columns, with sizes and ages that people read', () => {
  const items = [
    model({ name: 'qwen-small', bytes: 1_234_000_000, created_at: '2026-11-02T10:00:00Z' }),
    model({ name: '漢字', bytes: 470_000, created_at: '2026-10-30T10:00:00Z' }),
  ];
  expect(render(operation('list_models'), { items, next_cursor: 'abc' }, options)).toMatchInlineSnapshot(`
    "NAME         CATEGORY   ORIGIN   FORMAT   SIZE     OWNER   CREATED
    qwen-small   chat       a/b      gguf     1.2 GB   ada     5m ago
    漢字         chat       a/b      gguf     470 kB   ada     3d ago"
  `);
  expect(hintOf(operation('list_models'), { items, next_cursor: 'abc' })).toBe(
    'There are more. See all with --all, or the next page with --cursor abc',
  );
  expect(hintOf(operation('list_models'), { items })).toBeUndefined();
  expect(renderNames(operation('list_models'), { items })).toBe('qwen-small\n漢字');
});

test('a state has its colour, and the columns keep their places', () => {
  const rows = [
    { id: 1, state: 'failed', failure_code: 'no_space' },
    { id: 2, state: 'running' },
  ];
  const columns = ['id', 'state', 'failure_code'];
  const coloured = table(columns, rows, { ...options, colours: true });
  const red = '\u001B[31m';
  expect(coloured).toContain(`1    ${red}failed \u001B[39m   no_space`);
  expect(stripVTControlCharacters(coloured)).toBe(table(columns, rows, options));
  expect(table(columns, rows, { ...options, width: 12, colours: true })).not.toContain(red);
  expect(table(columns, rows, options).split('\n')[0]).toBe('ID   STATE     REASON');
});

test('an empty list says what to do next', () => {
  expect(render(operation('list_models'), { items: [] }, options)).toBe('');
  expect(hintOf(operation('list_models'), { items: [] })).toBe(
    'Nothing to show. Register a model: ecolink register-model <name> --repo <owner/name>',
  );
});

test('on a terminal a line is cut at the width, and wide characters count as two', () => {
  expect(table(['name'], [{ name: '漢字漢字' }], { width: 6, now })).toBe('NAME\n漢字…');
});

test('on a terminal the widest text gives way in its middle, and the state never does', () => {
  const long = `${'a'.repeat(40)}-${'z'.repeat(40)}`;
  const rows = [{ id: 1, model_id: long, state: 'downloading', owner: 'ada@example.org' }];
  const columns = ['id', 'model_id', 'state', 'owner'];
  expect(table(columns, rows, { width: 60, now })).toMatchInlineSnapshot(`
    "ID   MODEL ID                  STATE         OWNER
    1    aaaaaaaaaaa…zzzzzzzzzzz   downloading   ada@example.org"
  `);
  expect(table(columns, rows, { width: 40, now })).toContain('downloading');
  expect(table(columns, rows, { width: undefined, now })).toContain(long);
});

test('a receipt is a sentence, its other fields, and the next step as a command to type', () => {
  const output = {
    instance: 3,
    model_id: 'm:3',
    state: 'pending',
    next_step: say`Follow it with ${run('get_instance', { instance: 3, wait_seconds: 30 })}. ${run('list_models')} shows m.`,
  };
  expect(render(operation('launch_instance'), output, options)).toBe(
    'Instance 3 (m:3): pending.\nnext: Follow it with ecolink get-instance 3 --wait-seconds 30. ecolink list-models shows m.',
  );
  const freed = { model: 'm', state: 'evicted', next_step: 'Done.', freed_bytes: 2_000_000, volumes: ['v-1'] };
  expect(render(operation('evict_cache'), freed, options)).toBe(
    'Model m: evicted.\nfreed     2 MB\nvolumes   v-1\nnext: Done.',
  );
});

test('an object is a list of its fields, with its inner lists as tables below', () => {
  const output = {
    id: 3,
    state: 'downloading',
    private: false,
    created_at: '2026-11-02T10:00:00Z',
    stop_at: '2026-11-02T12:05:00Z',
    regions: [
      { region: 'eu', state: 'downloading', progress: { done: 210e6, total: 400e6, rate: 95e6, seconds_left: 2 } },
      { region: 'us', state: 'failed', reason: { code: 'no_space', message: 'The disk is full.' } },
    ],
  };
  expect(render(operation('get_instance'), output, options)).toMatchInlineSnapshot(`
    "id        3
    state     downloading
    private   no
    created   5m ago
    stop      in 2 h

    regions:
      REGION   STATE         PROGRESS                                                       REASON
      eu       downloading   [########--------] 52 %  210 MB of 400 MB  95 MB/s  2 s left   -
      us       failed        -                                                              The disk is full. (no_space)"
  `);
});

test('inner rows that are too wide for a table become blocks, with flags as they are typed', () => {
  const region = {
    region: 'eu',
    volume: { state: 'miss', bytes_to_fetch: 400e6 },
    arguments: ['--model', 'x'.repeat(80)],
    cost_per_hour: null,
    memory_bytes: 537e6,
  };
  const output = { model: 'm', regions: [region], cost_per_hour: 1.5 };
  expect(render(operation('plan_launch'), output, options)).toMatchInlineSnapshot(`
    "model           m
    cost per hour   1.50

    regions:
      region          eu
      volume          miss, to fetch 400 MB
      arguments       --model xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      cost per hour   -
      memory          537 MB"
  `);
});

test('a long inner list is cut and says so', () => {
  const files = Array.from({ length: 25 }, (_, index) => ({ path: `${index}.bin`, size: 1 }));
  const text = render(operation('get_model'), { name: 'm', files }, options);
  expect(text).toContain('19.bin');
  expect(text).not.toContain('20.bin');
  expect(text).toContain('… and 5 more (--json shows all)');
});

test('logs are printed as they are, with titles only if there are two regions', () => {
  const one = { instance: 3, logs: [{ region: 'eu', lines: ['a', 'b'] }] };
  expect(render(operation('get_instance_logs'), one, options)).toBe('a\nb');
  const two = { instance: 3, logs: [...one.logs, { region: 'us', lines: ['c'] }] };
  expect(render(operation('get_instance_logs'), two, options)).toBe('--- region eu\na\nb\n--- region us\nc');
});

test('control characters of names, logs, receipts and cursors do not reach the terminal', () => {
  const evil = '\u001B[2J\u001B]0;title\u0007x\u009B31m\u0000\u202Ey';
  const shown = [
    render(operation('list_models'), { items: [model({ name: evil })], next_cursor: evil }, options),
    render(operation('get_instance_logs'), { instance: 3, logs: [{ region: evil, lines: [evil] }] }, options),
    render(
      operation('launch_instance'),
      { model: evil, state: evil, next_step: evil, extra: { [evil]: evil } },
      options,
    ),
    render(operation('get_model'), { name: evil, files: [{ path: evil, [evil]: 1 }] }, options),
  ];
  for (const text of shown) {
    expect(text).toContain('xy');
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
  }
});

test('JSON has the same value for a parser and no control characters for a terminal', () => {
  const value = { name: 'a\u009B31m\u202Eb\u001Bc' };
  const text = jsonText(value, 2);
  expect(JSON.parse(text)).toEqual(value);
  // eslint-disable-next-line no-control-regex
  expect(text).toMatch(/^[\n\u0020-\u007E]*$/);
});

function operation(name: string): Operation {
  const found = findOperation(name);
  if (!found) throw new Error(`no operation ${name}`);
  return found;
}

function model(given: object): Record<string, unknown> {
  return {
    category: 'chat',
    origin: 'a/b',
    format: 'gguf',
    bytes: 1,
    owner: 'ada',
    created_at: '2026-11-02T10:00:00Z',
    ...given,
  };
}

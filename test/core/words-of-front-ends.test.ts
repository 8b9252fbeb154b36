import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { stringLiterals } from '../support/string-literals.ts';

const core = fileURLToPath(new URL('../../src/core', import.meta.url));

const names = catalogue.flatMap(({ name }) => [name, name.replaceAll('_', '-')]);
/** An operation in a text. A name alone is data: `run('get_model')`. After a dot it is a setting: `approvals.break_glass`. */
const operationInText = new RegExp(String.raw`(?<![\w.-])(?:${names.join('|')})(?![\w-])`);
/** `ecolink serve`, but not `ecolink.yaml`. */
const command = /(?<![\w./-])ecolink [a-z]/;
/** `/ecolink launch`, but not `/var/ecolink/…`. */
const slashCommand = /(?<![\w.}…-])\/ecolink(?![\w./-])/;

/** Programs of their own, which say how they are started. */
const programs = /^download\//;
/** Not shown to anybody: the label of a derived key. */
const labels = new Set(['ecolink key id']);

/** Why a text of the core may not be said like this. */
function problemOf(text: string): string | undefined {
  if (labels.has(text)) return undefined;
  if (slashCommand.test(text)) return 'names a command of Slack';
  if (command.test(text)) return 'names a command of the command line';
  return /\s/.test(text) && operationInText.test(text) ? 'names an operation' : undefined;
}

test('the core names no command of a front end, and operations only by reference', async () => {
  const files = (await readdir(core, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && !programs.test(file),
  );
  expect(files.length).toBeGreaterThan(200);
  const found = await Promise.all(
    files.map(async (file) =>
      stringLiterals(await readFile(join(core, file), 'utf8')).flatMap(({ line, text }) => {
        const problem = problemOf(text);
        return problem === undefined ? [] : [`${file}:${line} ${problem}: ${text}`];
      }),
    ),
  );
  expect(found.flat().toSorted()).toEqual([]);
});

test('the scan reads literals where they are, and takes a name alone for data', () => {
  const source = [
    "// ecolink serve in a comment, and it's fine",
    'const quote = /[\'"`]/; /* ecolink list-models */',
    "const hint = `Type ecolink ${word('get_model')} ${`or ecolink serve`}.`;",
    "const name = 'get_model', file = 'ecolink.yaml', path = '/var/ecolink/x', half = total / 2;",
    'const text = \'See get-model.\', slack = "/ecolink launch", path2 = `${home}/ecolink`;',
  ].join('\n');
  expect(stringLiterals(source).map(({ line, text }) => [line, text, problemOf(text)])).toEqual([
    [3, 'get_model', undefined],
    [3, 'or ecolink serve', 'names a command of the command line'],
    [3, 'Type ecolink … ….', undefined],
    [4, 'get_model', undefined],
    [4, 'ecolink.yaml', undefined],
    [4, '/var/ecolink/x', undefined],
    [5, 'See get-model.', 'names an operation'],
    [5, '/ecolink launch', 'names a command of Slack'],
    [5, '…/ecolink', undefined],
  ]);
});

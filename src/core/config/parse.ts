import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { fail } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';
import { settingsAt } from './settings.ts';

/** The file's text as a checked configuration. Throws `bad_config` with the line and what was expected there. */
export function parseConfigFile(text: string, path: string, schema: ConfigFileSchema = configFile): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken) throw badConfig(path, lines.linePos(broken.pos[0]).line, broken.message.split('\n')[0] ?? 'not YAML');
  const file: unknown = document.toJS() ?? {};
  const parsed = schema.safeParse(file);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  const what = `${issue.path.join('.') || 'the file'}: ${wordsOf(issue)}`;
  throw badConfig(path, lineOf(document, lines, issue), what, meant(issue, file, schema));
}

function badConfig(path: string, line: number, what: string, hint = ''): Error {
  return fail('bad_config', `${path}, line ${line}: ${what}.${hint}`, {
    nextStep: 'Correct that line; ecolink.example.yaml shows every setting.',
  });
}

function meant(issue: z.core.$ZodIssue, file: unknown, schema: ConfigFileSchema): string {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const near = unknown === undefined ? undefined : nearest(unknown, settingsAt(issue.path, file, schema));
  return near === undefined ? '' : ` Did you mean "${near}"?`;
}

/** What was expected, without zod's own preface. */
export function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown setting ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  const words = issue.message.replace(/^Invalid discriminator value\. E/, 'e');
  return words.replace(/^Invalid (?:input|option|string|URL)(?:: )?/, '') || 'is not valid';
}

function lineOf(document: Document, lines: LineCounter, issue: z.core.$ZodIssue): number {
  const paths =
    issue.code === 'unrecognized_keys' ? [[...issue.path, issue.keys[0] as string], issue.path] : [issue.path];
  for (const path of paths) {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
  }
  return 1;
}

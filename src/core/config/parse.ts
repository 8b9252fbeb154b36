import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';
import { settingsAt } from './settings.ts';

type Issue = z.core.$ZodIssue;

/** Parses and validates the text of the file. Throws `bad_config` with the line and what is expected there. */
export function parseConfigFile(text: string, path: string, schema: ConfigFileSchema = configFile): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken) throw badConfig(path, lines.linePos(broken.pos[0]).line, broken.message.split('\n')[0] ?? 'not YAML');
  const file: unknown = document.toJS() ?? {};
  const parsed = schema.safeParse(file);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw badConfig(path, 1, 'the file: is not valid');
  const what = `${issue.path.join('.') || 'the file'}: ${issueText(issue)}`;
  throw badConfig(path, lineOf(document, lines, issue), what, suggestion(issue, file, schema));
}

function badConfig(path: string, line: number, what: string, hint = ''): EcolinkError {
  return fail('bad_config', `${path}, line ${line}: ${what}.${hint}`, {
    nextStep: 'Correct that line. ecolink.example.yaml shows every setting.',
  });
}

function suggestion(issue: Issue, file: unknown, schema: ConfigFileSchema): string {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const near = unknown === undefined ? undefined : nearest(unknown, settingsAt(issue.path, file, schema));
  return near === undefined ? '' : ` Did you mean "${near}"?`;
}

/** What is expected, without the beginning that zod gives every message. */
export function issueText(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return `unknown setting ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  const text = issue.message.replace(/^Invalid discriminator value\. E/, 'e');
  return text.replace(/^Invalid (?:input|option|string|URL)(?:: )?/, '') || 'is not valid';
}

/** The line of the setting, or of the nearest setting around it. */
function lineOf(document: Document, lines: LineCounter, issue: Issue): number {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path, ...unknown];
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

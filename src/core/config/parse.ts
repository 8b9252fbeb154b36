import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { z } from 'zod';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';
import { settingsAt } from './settings.ts';

type Issue = z.core.$ZodIssue;

/** Parses and validates the text of `ecolink.yaml`. Throws `bad_config` with the line and what is expected there. */
export function parseConfigFile(text: string, path: string, schema: ConfigFileSchema = configFile): ConfigFile {
  return parseYaml(text, path, schema, 'Correct that line. ecolink.example.yaml shows every setting.');
}

/** The same for another file. `nextStep`: what its author can do about a mistake. */
export function parseYaml<T>(text: string, path: string, schema: z.ZodType<T>, nextStep: string): T {
  const badConfig = (line: number, what: string, hint = ''): EcolinkError =>
    fail('bad_config', `${path}, line ${line}: ${what}.${hint}`, { nextStep });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken) throw badConfig(lines.linePos(broken.pos[0]).line, broken.message.split('\n')[0] ?? 'not YAML');
  const file: unknown = document.toJS() ?? {};
  const parsed = schema.safeParse(file);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const issue = first && mostExact(first);
  if (issue === undefined) throw badConfig(1, 'the file: is not valid');
  const what = `${issue.path.join('.') || 'the file'}: ${issueText(issue)}`;
  throw badConfig(lineOf(document, lines, issue), what, suggestion(issue, file, schema));
}

/** Of a value that may have several forms, what is wrong with the form that it has. */
function mostExact(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const exact = issue.errors.flat().find(({ code }) => code === 'invalid_value');
  return exact ? { ...exact, path: [...issue.path, ...exact.path] } : issue;
}

function suggestion(issue: Issue, file: unknown, schema: z.ZodType): string {
  const near = nearestName(issue, file, schema);
  if (near !== undefined) return ` Did you mean "${near}"?`;
  const known = namesIn(issue)?.known;
  if (known === undefined) return '';
  return known.length === 0 ? ' There is none.' : ` Known: ${known.slice(0, maximumNames).join(', ')}.`;
}

/** Most names that an error lists. */
const maximumNames = 50;

function nearestName(issue: Issue, file: unknown, schema: z.ZodType): string | undefined {
  if (issue.code === 'unrecognized_keys') return nearest(issue.keys[0] ?? '', settingsAt(issue.path, file, schema));
  if (issue.code !== 'invalid_value') return namesIn(issue)?.near;
  const written = valueAtPath(issue.path, file);
  return typeof written === 'string' ? nearest(written, issue.values.map(String)) : undefined;
}

const namesSchema = z.object({ near: z.string().optional(), known: z.array(z.string()) });

/** What a check of names knows about the mistake. */
function namesIn(issue: Issue): z.output<typeof namesSchema> | undefined {
  return issue.code === 'custom' ? namesSchema.safeParse(issue.params).data : undefined;
}

function valueAtPath(path: readonly PropertyKey[], file: unknown): unknown {
  let value = file;
  for (const step of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  return value;
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

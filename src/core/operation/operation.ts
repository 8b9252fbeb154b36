import { z } from 'zod';
import type { Role } from '../base/caller.ts';
import { plainWords } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';

export const frontEnds = ['cli', 'mcp', 'slack'] as const;
export type FrontEnd = (typeof frontEnds)[number];

/** `read` changes nothing; `write` adds or changes; `destructive` takes something away. */
export type Effect = 'read' | 'write' | 'destructive';

/** Help groups of the command line, in their order. They are the toolsets of MCP too. */
export const groups = {
  models: 'Models',
  instances: 'Instances',
  regions: 'Regions and cached weights',
  approvals: 'Approvals',
  people: 'People and secrets',
  oversight: 'Oversight',
} as const;
export type Group = keyof typeof groups;

/**
 * How Slack reaches an operation: the verb behind `/ecolink`, and whether the verb opens a form. `button`: a
 * message has a button. `menu`: the menus of forms come from it. Absent: Slack cannot reach it yet.
 */
export type SlackReach = { verb: string; form?: boolean } | { button: string } | { menu: true };

/** What a form, a flag or a tool argument must know about a field beyond its zod schema. */
export interface FieldHints {
  /** Two or three words for a form or a table head. */
  label: string;
  /** One sentence that says what the field is for. */
  help: Prose;
  example?: string;
  /** Values come from this list operation's items: shell completion, a form's menu, `valid_values`. */
  choices?: { operation: string; value: string; label?: string };
  /** The field may be given only while another field has this value. */
  onlyWith?: { field: string; value: string };
  /** Besides `onlyWith`: it must be given then. */
  requiredThere?: boolean;
  /** The command line takes it without a flag: `get-model <model>`. */
  positional?: boolean;
  /** A form leaves it out; flags and tools have it. */
  advanced?: boolean;
}

const hints = z.registry<FieldHints>();

/** Attaches what the front ends need to a field's schema. Call it last: zod's `.optional()` makes another schema. */
export function field<S extends z.ZodType>(schema: S, about: FieldHints): S {
  const described = schema.describe(plainWords(about.help));
  hints.add(described, about);
  return described;
}

export function hintsOf(schema: z.ZodType): FieldHints | undefined {
  return hints.get(schema);
}

/** What an operation is, as data. It knows no service: its handler is added where the services are known. */
export interface Operation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** `verb_noun`, the same in every front end (the command line writes `verb-noun`). */
  name: string;
  title: string;
  /** For people and for models: what it does, and when to use it rather than its neighbours. */
  description: Prose;
  group: Group;
  effect: Effect;
  /** Reads that leave audit rows too: it matters who looked. */
  audited?: boolean;
  role: Role;
  /**
   * Access to models and instances of other people. `visible`: to everything that is not private; admins to private
   * things too. `admin`: admins only. Absent: the operation is about no such thing.
   */
  others?: 'visible' | 'admin';
  /** True: only a person's own decision counts, so agents and plain tokens are refused. */
  decides?: true;
  frontEnds: readonly FrontEnd[];
  slack?: SlackReach;
  /** True: the command line may run it in its own process if no server runs. */
  withoutServer: boolean;
  /** The state of the instance at which the command line's `--wait` ends. Absent: there is no instance to follow. */
  waitsFor?: 'running' | 'stopped';
  input: Input;
  output: Output;
  /** For lists: the item fields that a table shows, in order. */
  columns?: readonly string[];
  /** Complete example inputs, for `--help` and the docs. */
  examples: readonly z.input<Input>[];
  /** True: policy never holds it back. Deciding and taking back are such operations. */
  neverHeldBack?: true;
}

/** One field of an operation's input, as front ends see it. */
export interface InputField extends FieldHints {
  name: string;
  schema: z.ZodType;
  type: 'string' | 'number' | 'boolean' | 'enum' | 'list';
  values?: readonly string[];
  required: boolean;
  default?: unknown;
}

/** The input's fields in their order. Throws where a field has no hints or a type that no front end can ask for. */
export function inputFields(operation: Pick<Operation, 'name' | 'input'>): InputField[] {
  return Object.entries(operation.input.shape).map(([name, value]) =>
    describeField(operation.name, name, value as z.ZodType),
  );
}

function describeField(operation: string, name: string, schema: z.ZodType): InputField {
  const about = hints.get(schema);
  if (!about) throw new Error(`${operation}.${name} has no field hints: wrap its schema in field(…).`);
  const { inner, optional, fallback } = unwrap(schema);
  return {
    ...about,
    name,
    schema,
    ...typeOf(operation, name, inner),
    required: !optional,
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function unwrap(schema: z.ZodType): { inner: z.ZodType; optional: boolean; fallback: unknown } {
  if (schema instanceof z.ZodOptional) return { ...unwrap(schema.unwrap() as z.ZodType), optional: true };
  if (schema instanceof z.ZodDefault) {
    return { inner: unwrap(schema.unwrap() as z.ZodType).inner, optional: true, fallback: schema.def.defaultValue };
  }
  return { inner: schema, optional: false, fallback: undefined };
}

/** Known values of a string that takes others too. The operation itself refuses what it does not know. */
function openValues(schema: z.ZodType): { type: 'enum'; values: readonly string[] } | undefined {
  const values = schema.meta()?.['enum'];
  return Array.isArray(values) ? { type: 'enum', values: values.map(String) } : undefined;
}

function typeOf(operation: string, name: string, schema: z.ZodType): Pick<InputField, 'type' | 'values'> {
  if (schema instanceof z.ZodEnum) return { type: 'enum', values: schema.options.map(String) };
  switch (schema.def.type) {
    case 'string':
      return openValues(schema) ?? { type: 'string' };
    case 'number':
    case 'int':
      return { type: 'number' };
    case 'boolean':
      return { type: 'boolean' };
    case 'array':
      return { type: 'list' };
    default:
      throw new Error(`${operation}.${name} has a type that a flag, a form and a tool cannot all express.`);
  }
}

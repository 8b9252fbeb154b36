import { z } from 'zod';
import type { Role } from '../base/caller.ts';
import { plainWords } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';

export const frontEnds = ['cli', 'mcp', 'slack'] as const;
export type FrontEnd = (typeof frontEnds)[number];

/** `read` changes nothing, `write` adds or changes, `destructive` removes. */
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

/** How Slack reaches an operation by a verb behind `/ecolink`. Without more, the verb runs it. */
export interface SlackVerb {
  verb: string;
  /** The verb opens a form, and the form runs it. */
  form?: boolean;
  /** The verb shows what would happen, with a button that runs it. A typed line alone changes nothing. */
  confirm?: boolean;
  /** The form of the verb runs it on the way, to show what it finds. */
  step?: boolean;
}

/**
 * How Slack reaches an operation: by a verb. `button`: a message has a button. `menu`: the menus of forms come from it.
 * Absent: Slack cannot reach it yet.
 */
export type SlackReach = SlackVerb | { button: string } | { menu: true };

/** What front ends must know about a field besides its zod schema. */
export interface FieldHints {
  /** Two or three words, for forms and tables. */
  label: string;
  /** A sentence or two: what the field is for. */
  help: Prose;
  /** Shorter help for tools: an assistant pays for it in every session. */
  brief?: Prose;
  example?: string;
  /** The values are in the items of this list operation: for shell completion, menus in forms, `valid_values`. */
  choices?: { operation: string; value: string; label?: string };
  /** The field may be given only while another field has this value. */
  onlyWith?: { field: string; value: string };
  /** With `onlyWith`: the field is required in that case. */
  requiredThere?: boolean;
  /** The command line takes the value without a flag: `get-model <model>`. */
  positional?: boolean;
  /** Forms leave it out. Flags and tools have it. */
  advanced?: boolean;
  /** MCP tools leave it out. */
  notForTools?: boolean;
}

const hints = z.registry<FieldHints>();

/** Adds the hints to the schema of a field. Call it last, because `.optional()` of zod makes another schema. */
export function field<S extends z.ZodType>(schema: S, about: FieldHints): S {
  const described = schema.describe(plainWords(about.help));
  hints.add(described, about);
  return described;
}

/** What an operation is, as data. It knows no service: its handler is added where the services are known. */
export interface Operation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** `verb_noun`, the same in every front end (the command line writes `verb-noun`). */
  name: string;
  title: string;
  /** For people and assistants: what it does, and when to use it instead of similar operations. */
  description: Prose;
  group: Group;
  effect: Effect;
  /** True: a change may take service or protection away. Then the preview says whether this one does (`destroys`). */
  mayDestroy?: true;
  /** True: calls are written to the audit log, though the operation only reads. */
  audited?: boolean;
  role: Role;
  /**
   * Access to models and instances of other people. `visible`: to those that are not private; admins also to private
   * ones. `admin`: admins only. Absent: the operation is not about a model or an instance.
   */
  others?: 'visible' | 'admin';
  /** True: only people may call it, so agents and plain tokens are refused. */
  decides?: true;
  frontEnds: readonly FrontEnd[];
  slack?: SlackReach;
  /** True: the command line may run it in its own process if no server runs. */
  withoutServer: boolean;
  /** The state of the instance at which `--wait` of the command line ends. Absent: there is no instance to wait for. */
  waitsFor?: 'running' | 'stopped';
  input: Input;
  output: Output;
  /** For lists: the fields of an item that a table shows, in order. */
  columns?: readonly string[];
  /** Complete example inputs, for `--help` and the docs. */
  examples: readonly z.input<Input>[];
  /** True: it never needs approval. Decisions and cancelling are such operations. */
  neverHeldBack?: true;
}

/** Whether every call takes something away. Undefined if the preview of a change says it. */
export function destroysAlways({ effect, mayDestroy }: Pick<Operation, 'effect' | 'mayDestroy'>): boolean | undefined {
  return mayDestroy ? undefined : effect === 'destructive';
}

/** A field of an operation's input, as front ends see it. */
export interface InputField extends FieldHints {
  name: string;
  schema: z.ZodType;
  type: 'string' | 'number' | 'boolean' | 'enum' | 'list';
  values?: readonly string[];
  required: boolean;
  default?: unknown;
}

/** The fields of the input, in their order. Throws if a field has no hints, or a type that front ends do not support. */
export function inputFields(operation: Pick<Operation, 'name' | 'input'>): InputField[] {
  return Object.entries(operation.input.shape).map(([name, value]) => describeField(operation.name, name, value));
}

function describeField(operation: string, name: string, schema: z.core.$ZodType): InputField {
  const about = hints.get(schema);
  if (!about || !(schema instanceof z.ZodType))
    throw new Error(`${operation}.${name} has no field hints: wrap its schema in field(…).`);
  const { inner, optional, fallback } = unwrap(schema);
  return {
    ...about,
    name,
    schema,
    ...typeOf(operation, name, inner),
    required: !optional,
    default: fallback,
  };
}

function unwrap(schema: z.core.$ZodType): { inner: z.core.$ZodType; optional: boolean; fallback: unknown } {
  if (schema instanceof z.ZodOptional) return { ...unwrap(schema.unwrap()), optional: true };
  if (schema instanceof z.ZodDefault) {
    return { inner: unwrap(schema.unwrap()).inner, optional: true, fallback: schema.def.defaultValue };
  }
  return { inner: schema, optional: false, fallback: undefined };
}

/** Known values of a string that takes others too. The operation itself refuses what it does not know. */
function openValues(schema: z.core.$ZodType): { type: 'enum'; values: readonly string[] } | undefined {
  const values = z.globalRegistry.get(schema)?.['enum'];
  return Array.isArray(values) ? { type: 'enum', values: values.map(String) } : undefined;
}

function typeOf(operation: string, name: string, schema: z.core.$ZodType): Pick<InputField, 'type' | 'values'> {
  if (schema instanceof z.ZodEnum) return { type: 'enum', values: schema.options.map(String) };
  switch (schema._zod.def.type) {
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

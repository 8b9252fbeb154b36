import { z } from 'zod';
import type { Role } from '../base/caller.ts';
import type { Preview } from './preview.ts';
import type { Previewing } from '../operations/preview-context.ts';
import type { OperationContext } from '../operations/services.ts';

export type FrontEnd = 'cli' | 'mcp' | 'slack';

/** `read` changes nothing; `write` adds or changes; `destructive` takes something away. */
export type Effect = 'read' | 'write' | 'destructive';

/** What a form, a flag or a tool argument must know about a field beyond its zod schema. */
export interface FieldHints {
  /** Two or three words for a form or a table head. */
  label: string;
  /** One sentence that says what the field is for. */
  help: string;
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
  const described = schema.describe(about.help);
  hints.add(described, about);
  return described;
}

export function hintsOf(schema: z.ZodType): FieldHints | undefined {
  return hints.get(schema);
}

export interface Operation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** `verb_noun`, the same in every front end (the command line writes `verb-noun`). */
  name: string;
  title: string;
  /** For people and for models: what it does, and when to use it rather than its neighbours. */
  description: string;
  effect: Effect;
  /** Reads that leave audit rows too: whose looking matters. */
  audited?: boolean;
  role: Role;
  /**
   * What it does with models and instances of other people: `visible`: whatever is not private, and for admins that too;
   * `admin`: nothing, except for an admin. Absent where it is about nobody's.
   */
  others?: 'visible' | 'admin';
  /** True: only a person's own decision counts, so agents and plain tokens are refused. */
  decides?: true;
  frontEnds: readonly FrontEnd[];
  /** True: the command line may run it in its own process where no server runs. */
  withoutServer: boolean;
  input: Input;
  output: Output;
  /** For lists: the item fields that a table shows, in order. */
  columns?: readonly string[];
  /** Complete example inputs, for `--help` and the docs. */
  examples: readonly z.input<Input>[];
  /** What it would do, for approvers and the policy; reads only. Without one, people see the input and rules weigh nothing. */
  preview?(input: z.output<Input>, previewing: Previewing): Promise<Preview>;
  /** True: deciding, or taking back, is never itself held back. */
  neverHeldBack?: true;
  handler(input: z.output<Input>, context: OperationContext): Promise<z.input<Output>>;
}

/** Keeps the literal types for the handler; does nothing else. */
export function defineOperation<Input extends z.ZodObject, Output extends z.ZodObject>(
  operation: Operation<Input, Output>,
): Operation {
  return operation;
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
export function inputFields(operation: Operation): InputField[] {
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

function typeOf(operation: string, name: string, schema: z.ZodType): Pick<InputField, 'type' | 'values'> {
  if (schema instanceof z.ZodEnum) return { type: 'enum', values: schema.options.map(String) };
  switch (schema.def.type) {
    case 'string':
      return { type: 'string' };
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

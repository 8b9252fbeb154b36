import { z } from 'zod';

/** A flag as the engine spells it. A dot is for flags that set one field of an object. */
const flag = z.string().regex(/^--?[A-Za-z][\w.-]{0,99}$/, 'must be a flag such as --max-num-seqs');

/** A short word. It cannot be a path, a URL, a module of Python, a command or JSON: it has no `/`, `.`, `:`, space or bracket. */
export const shortWord = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const word = z.string().regex(shortWord, 'must be a short word of letters, digits, "_" and "-"');

const shape = {
  flag,
  /** Other spellings. The engine gets `flag`. */
  aliases: z.array(flag).default([]),
  /** What can go wrong, in one sentence. The plan and approvers see it beside the argument. */
  risk: z.string().min(1).max(300).optional(),
  /** True: with this flag the engine runs code that comes with the model. The policy sees it as `trust_remote_code`. */
  runs_code: z.boolean().default(false),
};

/** Kinds of values that cannot name a file, a module, an address or a command. */
const closedKinds = [
  /** No value. With `negatable`, `--no-` before the name turns it off. */
  z.strictObject({ ...shape, value: z.literal('none'), negatable: z.boolean().default(false) }),
  z.strictObject({
    ...shape,
    value: z.literal('integer'),
    minimum: z.int().default(0),
    maximum: z.int().default(2 ** 31 - 1),
    /** Words that the engine takes in place of a number, such as `auto`. */
    or: z.array(word).default([]),
  }),
  z.strictObject({
    ...shape,
    value: z.literal('number'),
    minimum: z.number().default(0),
    maximum: z.number().optional(),
  }),
  /** A whole number, perhaps with k, M, G or T after it. */
  z.strictObject({ ...shape, value: z.literal('size') }),
  /** `true` or `false`. */
  z.strictObject({ ...shape, value: z.literal('boolean') }),
  z.strictObject({ ...shape, value: z.literal('one_of'), choices: z.array(word).min(1) }),
  z.strictObject({ ...shape, value: z.literal('word') }),
] as const;

/** Any text: a path, a URL, JSON. Only an admin can allow it, and says what can go wrong. */
const text = z.strictObject({ ...shape, value: z.literal('text'), risk: z.string().min(1).max(300) });

/** A flag that a launch may give to the engine. */
export const launchArgumentSchema = z.discriminatedUnion('value', [...closedKinds, text]);

/** A flag of a built-in list: no kind of value there can name a file, a module, an address or a command. */
export const closedArgumentSchema = z.discriminatedUnion('value', closedKinds);

export type LaunchArgument = z.output<typeof launchArgumentSchema>;
export type ClosedArgument = z.input<typeof closedArgumentSchema>;

/** Spellings that mean one flag: engines of Python accept `_` for `-`. */
export function plainFlag(typed: string): string {
  return typed.replaceAll('_', '-');
}

/** The flags of a runtime's definition, each once. */
export const launchArgumentsSchema = z
  .array(launchArgumentSchema)
  .default([])
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { flag: name, aliases }] of list.entries()) {
      for (const spelling of [name, ...aliases].map(plainFlag)) {
        if (seen.has(spelling))
          context.addIssue({ code: 'custom', path: [index, 'flag'], message: `"${spelling}" is listed twice` });
        seen.add(spelling);
      }
    }
  });

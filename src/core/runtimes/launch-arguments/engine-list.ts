import type { ClosedArgument } from '../../config/launch-arguments.ts';

/** The flags of one engine that every launch may give. */
export interface EngineList {
  /** Where the engine documents them, and for which version. */
  source: string;
  version: string;
  arguments: readonly ClosedArgument[];
}

/** The one flag of the built-in lists that makes an engine run code. A launch must name it, and the policy sees it. */
export const trustRemoteCode: ClosedArgument = {
  flag: '--trust-remote-code',
  value: 'none',
  risk: 'The engine runs code that comes with the model.',
  runs_code: true,
};

type Bounds = Partial<{ minimum: number; maximum: number; or: string[]; aliases: string[] }>;

/** Short forms for the lists. */
export const none = (flag: string, more: { negatable?: boolean; aliases?: string[] } = {}): ClosedArgument => ({
  flag,
  value: 'none',
  ...more,
});
export const integer = (flag: string, more: Bounds = {}): ClosedArgument => ({ flag, value: 'integer', ...more });
export const number = (flag: string, more: Omit<Bounds, 'or'> = {}): ClosedArgument => ({
  flag,
  value: 'number',
  ...more,
});
export const size = (flag: string): ClosedArgument => ({ flag, value: 'size' });
export const word = (flag: string): ClosedArgument => ({ flag, value: 'word' });
export const oneOf = (flag: string, choices: string, aliases: string[] = []): ClosedArgument => ({
  flag,
  value: 'one_of',
  choices: choices.split(' '),
  aliases,
});

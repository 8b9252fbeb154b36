import type { Command } from 'commander';

/** Adds a command to another one. A hidden command runs but is not listed. */
export type AddCommand = (parent: Command, name: string, hidden?: boolean) => Command;

/** The `--json` flag of commands that are not operations. */
export const jsonFlag = ['--json', 'Print exactly the output, as JSON, and nothing else.'] as const;

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

/** Adds commands of one group to the program, each with what it is for. */
export function commandAdder(program: Command, add: AddCommand, group: string) {
  return (name: string, summary: string, description: string): Command =>
    add(program, name).summary(summary).description(description).helpGroup(group);
}

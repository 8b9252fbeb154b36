import { Option } from 'commander';
import type { Command } from 'commander';
import { operations } from '../core/operations/catalogue.ts';
import { chooseServer } from './choose-server.ts';
import { program as programName } from './names.ts';
import { jsonText } from './output/json.ts';
import { render } from './output/render.ts';
import type { Terminal } from './output/terminal.ts';
import { jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';
import { waitFor } from './wait.ts';

const examples = `
Examples:
  ${programName} wait 3
  ${programName} wait 3 --for stopped`;

type Goal = Parameters<typeof waitFor>[0];

/** `ecolink wait`: what `--wait` of the other commands does, for an instance that is already on its way. */
export function addWaitCommand(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  add(program, 'wait')
    .summary('Follow an instance until it runs')
    .description(
      'Follows an instance until it runs, then shows it. Status 1 if it fails. Ctrl-C stops only the following.',
    )
    .helpGroup(group)
    .argument('<instance>', 'Number of the instance, or "name:number".')
    .addOption(new Option('--for <state>', 'What to wait for.').choices(['running', 'stopped']).default('running'))
    .option(...jsonFlag)
    .addHelpText('after', examples)
    .action(async (instance: string, options: { for: Goal }, command: Command) => {
      await using server = await chooseServer({ withoutServer: false }, terminal);
      const final = await waitFor(options.for, instance, server.call, terminal);
      const json = wantsJson(command);
      terminal.out(
        json
          ? jsonText(final, 2)
          : render(operations.get_instance, final, {
              width: terminal.width,
              now: Date.now(),
              colours: terminal.colours.out,
            }),
      );
    });
}

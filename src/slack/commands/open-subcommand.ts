import type { Caller } from '../../core/base/caller.ts';
import { subcommands, formOf } from '../blocks/command-text.ts';
import type { Bot } from '../connect/bots.ts';
import { openForm, openView } from '../forms/open-form.ts';
import { openLaunch } from '../launch/launch-flow.ts';
import type { SlackDeps } from '../workspace/dependencies.ts';
import { breakGlassView, deleteModelView } from './typed-actions.ts';

interface Opening {
  /** The subcommand. */
  name: string;
  /** What follows it. */
  given: string;
  triggerId: string;
  channel: string | undefined;
  /** True: the click came from a modal. */
  onTop?: boolean;
}

/** Opens the form of a subcommand, for a typed command and for a button alike. */
export async function openSubcommand(
  deps: SlackDeps,
  bot: Bot,
  caller: Caller,
  { name, given, triggerId, channel, onTop = false }: Opening,
): Promise<void> {
  const { core } = deps;
  const subcommand = subcommands.find((each) => each.name === name);
  if (!subcommand) return;
  if (subcommand.name === 'delete') {
    await openView(bot, triggerId, await deleteModelView(core, caller, given), onTop);
    return;
  }
  if (subcommand.name === 'breakglass') {
    await openView(bot, triggerId, await breakGlassView(core, caller, given), onTop);
    return;
  }
  if (subcommand.name === 'launch') return openLaunch(deps, bot, caller, { given, triggerId, channel, onTop });
  const operation = formOf(subcommand.name);
  if (operation) await openForm(core, bot, caller, { operation, given, triggerId, channel, onTop });
}

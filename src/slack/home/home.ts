import type { BlockAction, ButtonAction, SlackActionMiddlewareArgs, SlackEventMiddlewareArgs } from '@slack/bolt';
import type { HomeView } from '@slack/types';
import type { Caller } from '../../core/base/caller.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { randomId } from '../../core/base/ids.ts';
import type { Core } from '../../core/core.ts';
import { reasonView } from '../blocks/approval-blocks.ts';
import { errorMarkup } from '../blocks/error-text.ts';
import { failureOf } from '../commands/failure.ts';
import { openView } from '../forms/open-form.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, identityOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { approveHereId, denyHereId, homeView, pagePrefix, strangerHome } from './home-view.ts';
import type { HomeFacts, Page } from './home-view.ts';

type Instance = HomeFacts['mine']['items'][number];

/** A home is kept up to date for so long after somebody opened it or clicked in it. */
const watchedMs = 10 * 60_000;
/** Slack takes few calls of `views.publish`, and people read slower than this. */
const everyMs = 30_000;

const instancesOnPage = 6;
/** Somebody with few instances among many of others gets a shorter page. */
const readsAtMost = 12;
const modelsOnPage = 10;
const decidedAtMost = 6;

/** The pages that a home shows, by list. */
interface Cursors {
  instances?: string | undefined;
  models?: string | undefined;
}

interface Watched {
  who: SlackUser;
  until: number;
  cursors: Cursors;
  /** What Slack has, without the time: an unchanged home is not sent again. */
  shown: string;
  changed: boolean;
}

export interface Home {
  /** Somebody opened App Home. */
  opened(args: SlackEventMiddlewareArgs<'app_home_opened'> & EventContext): Promise<void>;
  /** A click in App Home that is its own. */
  clicked(args: SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & EventContext): Promise<void>;
  /** Shows what an action came to, to the person who clicked in their home. */
  tell(who: SlackUser, notice: string): Promise<void>;
  close(): void;
}

export function createHome(deps: () => SlackDeps, core: Core): Home {
  const watched = new Map<string, Watched>();
  const unsubscribe = core.changes.subscribe(() => {
    for (const each of watched.values()) each.changed = true;
  });
  const timer = setInterval(() => void look(), everyMs).unref();

  async function look(): Promise<void> {
    for (const [key, each] of watched) {
      if (Date.now() > each.until) watched.delete(key);
      else if (each.changed) await publish(each).catch((thrown: unknown) => warn(thrown));
    }
  }

  function warn(thrown: unknown): void {
    core.log.warn({ err: thrown }, 'an App Home could not be published');
  }

  async function publish(each: Watched, notice?: string): Promise<void> {
    each.changed = false;
    const bot = await deps().bots.of(each.who);
    if (!bot) return;
    const view = await viewOf(core, each, notice);
    const shown = JSON.stringify(view.blocks.filter((block) => block.block_id !== 'as-of'));
    if (shown === each.shown && notice === undefined) return;
    await bot.client.views.publish({ user_id: each.who.user, view });
    each.shown = shown;
  }

  /** Watches the home of this person from now on. */
  function watch(who: SlackUser): Watched {
    const key = identityOf(who);
    const each = watched.get(key) ?? { who, until: 0, cursors: {}, shown: '', changed: true };
    each.until = Date.now() + watchedMs;
    watched.set(key, each);
    return each;
  }

  return {
    async opened({ event, context }) {
      if (event.tab !== 'home') return;
      const payload = { user_id: event.user, team_id: context.teamId ?? '', enterprise_id: context.enterpriseId ?? '' };
      const who = whoIs(payload, core.access, deps().bots.home);
      if (!who) return;
      const each = watch(who);
      each.cursors = {};
      each.shown = '';
      await publish(each);
    },
    async clicked({ ack, action, body, context }) {
      await ack();
      const who = whoIs(body, core.access, deps().bots.home);
      if (!who) return;
      const each = watch(who);
      each.shown = '';
      if (action.action_id.startsWith(pagePrefix)) turn(each.cursors, action.action_id, action.value?.trim() ?? '');
      const open = async (operation: 'approve_request' | 'deny_request'): Promise<void> => {
        const bot = await botAt(deps(), context);
        const view = reasonView({ id: action.value ?? '', operation });
        if (bot) await openView(bot, body.trigger_id, view);
      };
      await publish(each, await decide(core, who, action, open));
    },
    async tell(who, notice) {
      await publish(watch(who), notice);
    },
    close() {
      clearInterval(timer);
      unsubscribe();
      watched.clear();
    },
  };
}

function turn(cursors: Cursors, actionId: string, cursor: string): void {
  const [list] = actionId.slice(pagePrefix.length).split('.');
  if (list === 'instances' || list === 'models') cursors[list] = cursor === '' ? undefined : cursor;
}

/** What a decision came to, as markup. Undefined for the other buttons, and if a form asks for more. */
async function decide(
  core: Core,
  who: SlackUser,
  { action_id: id, value: approval = '' }: ButtonAction,
  open: (operation: 'approve_request' | 'deny_request') => Promise<void>,
): Promise<string | undefined> {
  if (id !== approveHereId && id !== denyHereId) return undefined;
  try {
    const caller = await callerOf(core.access, who);
    if (!caller) return undefined;
    if (id === denyHereId) await open('deny_request');
    else {
      const { state } = await core.execute('approve_request', { approval }, caller);
      return `:white_check_mark: Request ${approval} is ${state}.`;
    }
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.code === 'reason_missing') await open('approve_request');
    else return errorMarkup(failureOf(core, thrown, 'a decision in App Home failed'));
  }
  return undefined;
}

async function viewOf(core: Core, { who, cursors }: Watched, notice: string | undefined): Promise<HomeView> {
  const caller = await callerOf(core.access, who);
  if (!caller) return strangerHome((await strangerMessage(core.access, who)).blocks);
  const [waiting, decided, mine, models] = await Promise.all([
    waitingFor(core, caller),
    core.execute('list_approvals', { limit: 30 }, caller),
    ownInstances(core, caller, cursors.instances),
    core.execute('list_models', { limit: modelsOnPage, cursor: cursors.models }, caller),
  ]);
  return homeView({
    role: caller.person.role,
    at: new Date(),
    notice,
    waiting,
    mine,
    models: { items: models.items, next: models.next_cursor, first: cursors.models === undefined },
    decided: decided.items.filter(({ state }) => state !== 'pending').slice(0, decidedAtMost),
    key: randomId('home'),
  });
}

/** The open requests that this person may decide, each in full. */
async function waitingFor(core: Core, caller: Caller) {
  const { items } = await core.execute('list_approvals', { state: 'pending', limit: 20 }, caller);
  const all = await Promise.all(items.map(({ id }) => core.execute('get_approval', { approval: String(id) }, caller)));
  return all.filter(({ approvers }) => approvers.includes(caller.person.name));
}

/** A page of the person's own instances. Others' are only skipped, so a page may take several reads. */
async function ownInstances(core: Core, caller: Caller, cursor: string | undefined): Promise<Page<Instance>> {
  const items: Instance[] = [];
  let next = cursor;
  for (let reads = 0; reads < readsAtMost; reads++) {
    const page = await core.execute('list_instances', { limit: instancesOnPage, cursor: next }, caller);
    for (const { id } of page.items.filter(({ owner }) => owner === caller.person.name))
      items.push(await core.execute('get_instance', { instance: String(id) }, caller));
    next = page.next_cursor;
    if (next === undefined || items.length >= instancesOnPage) break;
  }
  return { items, next, first: cursor === undefined };
}

import { WebClient } from '@slack/web-api';
import type { WebClientOptions } from '@slack/web-api';
import type { SlackWorkspace } from '../../core/access/access.ts';
import type { Core } from '../../core/core.ts';
import type { Installer } from './installer.ts';

/** The app in one workspace or organisation: what it says there, it says with the token of that place. */
export interface Bot {
  /** The workspace or organisation; finds it again with `placeOf`. */
  id: string;
  workspace: SlackWorkspace;
  client: WebClient;
  /** For what somebody waits for: fails rather than to come too late. */
  hasty: WebClient;
}

export interface Bots {
  /** The one workspace of an app that has one token; undefined where workspaces install it. */
  home: SlackWorkspace | undefined;
  /** Undefined where the app is not installed, or the config does not list the place any more. */
  of(place: SlackWorkspace): Promise<Bot | undefined>;
  /** Ids of the organisations that installed it for all of their workspaces. */
  organisations(): Promise<string[]>;
}

/** The place that an id is of: those of organisations begin with E. */
export function placeOf(id: string): SlackWorkspace {
  return id.startsWith('E') ? { enterprise: id } : { team: id };
}

/** An app that has the token of one workspace. */
export function oneBot(home: { team: string; enterprise?: string }, token: string, options: WebClientOptions): Bots {
  const bot: Bot = { id: home.team, workspace: home, ...clients(token, options) };
  return {
    home,
    async of({ team, enterprise }) {
      const same = team === home.team || (enterprise !== undefined && enterprise === home.enterprise);
      return same ? bot : undefined;
    },
    organisations: async () => [],
  };
}

/** An app that workspaces install: tokens are read when they are needed, so that what another server stored or removed counts. */
export function installedBots(core: Core, installer: Installer, options: WebClientOptions): Bots {
  return {
    home: undefined,
    async of(place) {
      const found = await core.installations.find(place);
      if (!found) return undefined;
      const everywhere = found.id === found.enterprise;
      const team = everywhere ? place.team : found.id;
      const { enterprise } = found;
      if (!core.access.admitsWorkspace({ team, enterprise })) return undefined;
      const token = await installer.tokenOf({ team, enterprise }, everywhere);
      const workspace = everywhere ? { enterprise } : { team, enterprise };
      return token === undefined
        ? undefined
        : { id: found.id, workspace, ...clients(token, team === undefined ? options : { ...options, teamId: team }) };
    },
    organisations: () => core.installations.organisations(),
  };
}

function clients(token: string, options: WebClientOptions): Pick<Bot, 'client' | 'hasty'> {
  const hasty = { ...options, retryConfig: { retries: 0 }, timeout: 2500, rejectRateLimitedCalls: true };
  return { client: new WebClient(token, options), hasty: new WebClient(token, hasty) };
}

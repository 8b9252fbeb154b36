import { WebClient } from '@slack/web-api';
import type { WebClientOptions } from '@slack/web-api';
import type { Core, SlackWorkspace } from '../../core/core.ts';
import type { Installer } from './installer.ts';

/** The app in one workspace or organisation, with the token of that workspace. */
export interface Bot {
  /** Id of the workspace or organisation: see `workspaceOf`. */
  id: string;
  workspace: SlackWorkspace;
  client: WebClient;
  /** For calls that somebody waits for. It fails early and does not retry. */
  hasty: WebClient;
  /** For the outbox, which itself tries again. It waits longer, and does not retry. */
  once: WebClient;
}

export interface Bots {
  /** The workspace of an app with one token. Undefined if workspaces install the app. */
  home: SlackWorkspace | undefined;
  /** Undefined if the app is not installed there, or the config no longer lists the workspace. */
  of(workspace: SlackWorkspace): Promise<Bot | undefined>;
  /** Ids of the organisations that installed the app for all their workspaces. */
  organisations(): Promise<string[]>;
}

/** The workspace or organisation with an id. Ids of organisations begin with E. */
export function workspaceOf(id: string): SlackWorkspace {
  return id.startsWith('E') ? { enterprise: id } : { team: id };
}

/** The bot of a workspace or organisation by its id. Empty: the only one. */
export function botOf(bots: Bots, team: string): Promise<Bot | undefined> {
  return bots.of(team === '' ? (bots.home ?? {}) : workspaceOf(team));
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

/** An app that workspaces install. It reads a token for each use, because another server may have stored or removed it. */
export function installedBots(core: Core, installer: Installer, options: WebClientOptions): Bots {
  return {
    home: undefined,
    async of(asked) {
      const found = await core.installations.find(asked);
      if (!found) return undefined;
      const everywhere = found.id === found.enterprise;
      const team = everywhere ? asked.team : found.id;
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

function clients(token: string, options: WebClientOptions): Pick<Bot, 'client' | 'hasty' | 'once'> {
  const single = { ...options, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true };
  return {
    client: new WebClient(token, options),
    hasty: new WebClient(token, { ...single, timeout: 2500 }),
    once: new WebClient(token, { ...single, timeout: 8000 }),
  };
}

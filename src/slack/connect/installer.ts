import { createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { InstallProvider } from '@slack/oauth';
import type { CallbackOptions, Installation, InstallationStore } from '@slack/oauth';
import { WebClient } from '@slack/web-api';
import type { WebClientOptions } from '@slack/web-api';
import type { SlackSecrets } from '../../core/config/config.ts';
import type { Core, NewInstallation, SlackWorkspace } from '../../core/core.ts';
import { fail } from '../../core/base/errors.ts';
import { botScopes } from '../manifest.ts';
import { sendFailure, sendInstalled } from './install-page.ts';

export const installPath = '/slack/install';
const redirectPath = '/slack/oauth_redirect';

/** Installs the app in workspaces and finds its tokens. */
export interface Installer {
  /** Bolt calls it for each event. */
  authorize: InstallProvider['authorize'];
  /** The bot token of a workspace. `everywhere`: that of the organisation's own installation. */
  tokenOf(workspace: SlackWorkspace, everywhere: boolean): Promise<string | undefined>;
  /** Answers the two pages of an installation. Returns false for any other request. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
}

export function createInstaller(
  core: Core,
  { clientId, clientSecret }: NonNullable<SlackSecrets['oauth']>,
  clientOptions: WebClientOptions,
): Installer {
  const { publicUrl } = core.config;
  const urlOptions = {
    scopes: [...botScopes],
    ...(publicUrl === undefined ? {} : { redirectUri: publicUrl + redirectPath }),
  };
  const common = {
    clientId,
    clientSecret,
    clientOptions,
    directInstall: true,
    installationStore: storeOf(core),
    authorizationUrl: new URL('/oauth/v2/authorize', clientOptions.slackApiUrl ?? 'https://slack.com').href,
  };
  const { logger } = clientOptions;
  // The same on every server with this client secret, and nobody has to configure it.
  const stateSecret = createHmac('sha256', clientSecret).update('ecolink oauth state').digest('hex');
  const provider = new InstallProvider({ ...common, ...(logger ? { logger } : {}), stateSecret });
  // Without its warning about missing state, which is intended: see `callback`.
  const quiet = logger && { ...logger, warn: () => {} };
  const stateless = new InstallProvider({ ...common, ...(quiet ? { logger: quiet } : {}), stateVerification: false });
  const failed = (thrown: unknown): void => core.log.error({ err: thrown }, 'a page of an installation failed');

  /**
   * An organisation's admin page installs without state (bolt-js #1101). State proves that the browser that ends an
   * installation began it. Nothing depends on that browser here, and only listed organisations can install.
   */
  const callback = (request: IncomingMessage, response: ServerResponse, state: string | null): Promise<void> =>
    state
      ? provider.handleCallback(request, response, callbacks(core, clientOptions, true))
      : stateless.handleCallback(request, response, callbacks(core, clientOptions, false));

  return {
    authorize: (query) => provider.authorize(query),
    async tokenOf({ team, enterprise }, everywhere) {
      const query = { teamId: team, enterpriseId: enterprise, isEnterpriseInstall: everywhere };
      return (await provider.authorize(query)).botToken;
    },
    answer(request, response) {
      const url = new URL(request.url ?? '', 'http://localhost');
      if (request.method !== 'GET') return false;
      if (url.pathname === installPath) {
        response.setHeader('cache-control', 'no-store');
        provider.handleInstallPath(request, response, {}, urlOptions).catch(failed);
      } else if (url.pathname === redirectPath) {
        callback(request, response, url.searchParams.get('state')).catch(failed);
      } else return false;
      return true;
    },
  };
}

/** Bolt reads it for each event. It stores renewed tokens only; new installations come through `callbacks`. */
function storeOf(core: Core): InstallationStore {
  return {
    async fetchInstallation({ teamId, enterpriseId, isEnterpriseInstall }) {
      const workspace = isEnterpriseInstall ? { enterprise: enterpriseId } : { team: teamId, enterprise: enterpriseId };
      const listed = core.access.admitsWorkspace({ team: teamId, enterprise: enterpriseId });
      const found = listed ? await core.installations.find(workspace) : undefined;
      if (!found)
        throw new Error(listed ? 'the app is not installed there' : 'ecolink.yaml does not list the workspace');
      return JSON.parse(found.value) as Installation<'v2', false>;
    },
    storeInstallation: (installation) => core.installations.renew(toNew(installation)),
  };
}

function callbacks(core: Core, clientOptions: WebClientOptions, proven: boolean): CallbackOptions {
  return {
    async afterInstallation(installation, _options, _request, response) {
      if (!proven && !installation.isEnterpriseInstall) throw notProven();
      try {
        await core.installations.add(toNew(installation));
      } catch (thrown) {
        await giveBack(core, installation, clientOptions);
        throw thrown;
      }
      const { team, enterprise, user } = installation;
      const about = { workspace: team?.id, organisation: enterprise?.id, by: user.id };
      core.log.info(about, 'Slack: the app was installed');
      sendInstalled(response, team?.name ?? enterprise?.name ?? team?.id ?? enterprise?.id ?? 'Slack');
      return false;
    },
    failure: (error, _options, _request, response) => sendFailure(core.log, response, error),
  };
}

/** Revokes a token that we do not store. */
async function giveBack(core: Core, { bot }: Installation, options: WebClientOptions): Promise<void> {
  if (!bot) return;
  await new WebClient(bot.token, options).auth.revoke().catch((thrown: unknown) => {
    core.log.warn(
      { reason: thrown instanceof Error ? thrown.message : String(thrown) },
      'Slack: the token of a refused installation was not revoked',
    );
  });
}

function toNew(installation: Installation): NewInstallation {
  const { team, enterprise, user, isEnterpriseInstall } = installation;
  return {
    team: isEnterpriseInstall ? undefined : team?.id,
    enterprise: enterprise?.id,
    user: user.id,
    value: JSON.stringify(installation),
  };
}

function notProven(): Error {
  return fail('slack_install_not_begun_here', 'This installation did not begin at EcoLink.', {
    nextStep: 'Begin again at the address of this server that ends with /slack/install.',
  });
}

/*
 * The one source of the app's manifest: `manifest.json`, `ecolink slack manifest`, the scopes of an installation, and
 * what the doctor looks for. It imports no package, so that the command line loads it quickly.
 */

/** The rights that the app asks for, and what is off in an app that lacks them. */
export const scopes = {
  'chat:write': 'messages',
  'chat:write.public': 'messages in public channels without an invitation',
  commands: '`/ecolink`',
  'im:history': 'commands as direct messages to the app',
  'usergroups:read': 'groups of Slack in the config',
  'users:read': 'the check of guests, bots and deactivated accounts',
} as const;

export const botScopes: readonly string[] = Object.keys(scopes);

/** The events that Slack sends to the app. */
export const botEvents = ['app_home_opened', 'app_uninstalled', 'message.im', 'tokens_revoked'] as const;

/** The path that Slack posts to over HTTP. */
export const slackEventsPath = '/slack/events';

/** The app as Slack's page "From a manifest" takes it. `url`: the server's address, for HTTP instead of Socket Mode. */
export function slackManifest({ url }: { url?: string | undefined } = {}): object {
  const address = url === undefined ? undefined : url.replace(/\/+$/, '') + slackEventsPath;
  const command = {
    command: '/ecolink',
    description: 'Register and launch models, see what runs',
    url: address,
    usage_hint: 'help | register | launch | instances | status | logs | stop | approvals | token | credential | people',
    should_escape: true,
  };
  return {
    display_information: {
      name: 'EcoLink',
      description: 'Register models, launch them in your regions, see what runs',
      long_description:
        'EcoLink is a self-hosted model registry and inference launcher. Register a model from Hugging Face or a shared filesystem, launch it where your GPUs are, follow the download and the start in one message, and call it at an OpenAI-compatible URL. It runs on your own machines; Slack sees names and states, never weights or tokens.',
      background_color: '#14532d',
    },
    features: {
      app_home: { home_tab_enabled: true, messages_tab_enabled: true, messages_tab_read_only_enabled: false },
      bot_user: { display_name: 'EcoLink', always_online: true },
      slash_commands: [command],
    },
    oauth_config: { scopes: { bot: botScopes } },
    settings: {
      event_subscriptions: { request_url: address, bot_events: botEvents },
      interactivity: { is_enabled: true, request_url: address, message_menu_options_url: address },
      org_deploy_enabled: false,
      socket_mode_enabled: address === undefined,
      token_rotation_enabled: false,
    },
  };
}

/** As JSON, with short lists in one line. */
export function manifestText(manifest: object): string {
  const text = JSON.stringify(manifest, null, 2);
  const lists = /\[\n\s+("[^[\]{}]*?")\n\s+\]/g;
  return `${text.replace(lists, (_, items: string) => `[${items.split(/\n\s+/).join(' ')}]`)}\n`;
}

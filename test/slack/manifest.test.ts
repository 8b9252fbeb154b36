import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { botScopes } from '../../src/slack/connect/installer.ts';
import { subcommands } from '../../src/slack/blocks/command-text.ts';
import { commandName } from '../../src/slack/blocks/speaker.ts';

const manifest = JSON.parse(readFileSync(new URL('../../manifest.json', import.meta.url), 'utf8')) as {
  display_information: { name: string; description: string; long_description: string };
  features: { slash_commands: { command: string; usage_hint: string }[] };
  oauth_config: { scopes: { bot: string[] } };
  settings: {
    socket_mode_enabled: boolean;
    interactivity: { is_enabled: boolean };
    event_subscriptions: { bot_events: string[] };
  };
};

test('the manifest declares the command that the app answers, with its subcommands', () => {
  const [command] = manifest.features.slash_commands;
  expect(command?.command).toBe(commandName);
  for (const { name } of subcommands) expect(command?.usage_hint).toContain(name);
});

test('the manifest asks for no more than commands, posting, and who people are, as does an installation', () => {
  expect(manifest.oauth_config.scopes.bot).toEqual(['chat:write', 'commands', 'usergroups:read', 'users:read']);
  expect(botScopes).toEqual(manifest.oauth_config.scopes.bot);
});

test('the manifest stays inside the lengths that Slack takes', () => {
  const { name, description, long_description: long } = manifest.display_information;
  expect(name.length).toBeLessThanOrEqual(35);
  expect(description.length).toBeLessThanOrEqual(140);
  expect(long.length).toBeGreaterThanOrEqual(174);
  expect(long.length).toBeLessThanOrEqual(4000);
});

test('the manifest asks to be told when the app is removed and its home is opened', () => {
  expect(manifest.settings.event_subscriptions.bot_events).toEqual([
    'app_home_opened',
    'app_uninstalled',
    'tokens_revoked',
  ]);
});

test('the manifest works as it is, without a public address', () => {
  expect(manifest.settings).toMatchObject({ socket_mode_enabled: true, interactivity: { is_enabled: true } });
});

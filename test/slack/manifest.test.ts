import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { botScopes, manifestText, slackManifest } from '../../src/slack/manifest.ts';
import { subcommands } from '../../src/slack/blocks/command-text.ts';
import { scopeOf } from '../support/slack-cloud.ts';
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

test('manifest.json is what the source of the manifest makes', () => {
  expect(manifestText(manifest)).toBe(manifestText(slackManifest()));
});

test('the manifest declares the command that the app answers, with its subcommands', () => {
  const [command] = manifest.features.slash_commands;
  expect(command?.command).toBe(commandName);
  const names = subcommands.map(({ name }) => name);
  for (const word of command?.usage_hint.split(' | ') ?? []) expect(names).toContain(word);
});

/** All source of the Slack front end. */
const root = fileURLToPath(new URL('../../src/slack', import.meta.url));
const source = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

test('the manifest asks for the scopes that the calls in the source need, and for three that no call shows', () => {
  const called = [...source.matchAll(/\b(?:client|hasty|once)[.\s]*((?:[a-z]+[.\s]+)+[a-zA-Z]+)\(/g)].map(
    ([, method = '']) => method.replaceAll(/\s/g, ''),
  );
  const methods = new Set(
    called.filter((method) => /^(?:auth|chat|users|usergroups|views|conversations)[.]/.test(method)),
  );
  expect(methods.size).toBeGreaterThan(5);
  for (const method of methods) expect(Object.keys(scopeOf)).toContain(method);
  const needed = [...methods].flatMap((method) => scopeOf[method] ?? []);
  const unseen = ['chat:write.public', 'commands', 'im:history'];
  expect(manifest.oauth_config.scopes.bot).toEqual([...new Set([...needed, ...unseen])].toSorted());
  expect(botScopes).toEqual(manifest.oauth_config.scopes.bot);
});

test('the manifest subscribes to the events that the source handles', () => {
  const handled = [...source.matchAll(/app[.]event\('([a-z_]+)'/g)].map(([, event = '']) => event);
  const subscribed = manifest.settings.event_subscriptions.bot_events;
  expect(subscribed.map((event) => event.split('.')[0])).toEqual(handled.toSorted((a, b) => (a < b ? -1 : 1)));
});

test('for HTTP the manifest has the address of the server wherever Slack sends something', () => {
  const text = manifestText(slackManifest({ url: 'https://ecolink.example/' }));
  const address = 'https://ecolink.example/slack/events';
  expect(JSON.parse(text)).toMatchObject({
    features: { slash_commands: [{ url: address }] },
    settings: {
      event_subscriptions: { request_url: address },
      interactivity: { request_url: address, message_menu_options_url: address },
      socket_mode_enabled: false,
    },
  });
  expect(manifestText(slackManifest())).not.toContain('request_url');
});

test('the manifest stays inside the lengths that Slack takes', () => {
  const { name, description, long_description: long } = manifest.display_information;
  expect(name.length).toBeLessThanOrEqual(35);
  expect(description.length).toBeLessThanOrEqual(140);
  expect(long.length).toBeGreaterThanOrEqual(174);
  expect(long.length).toBeLessThanOrEqual(4000);
});

test('the manifest asks to be told when the app is removed and its home is opened', () => {
  expect(manifest.settings.event_subscriptions.bot_events).toEqual(
    expect.arrayContaining(['app_home_opened', 'app_uninstalled', 'tokens_revoked']),
  );
});

test('the manifest works as it is, without a public address', () => {
  expect(manifest.settings).toMatchObject({ socket_mode_enabled: true, interactivity: { is_enabled: true } });
});

import type { Command } from 'commander';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { program as programName } from './names.ts';
import type { Terminal } from './output/terminal.ts';
import { commandAdder, jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

const examples = `
Examples:
  ${programName} login https://ecolink.example
  ${programName} login https://ecolink.example --name team < token-file
  ${programName} list-instances --server team`;

/** `ecolink login`, `logout`, `list-servers`, `use-server`: servers elsewhere, by name. */
export function addLoginCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const own = commandAdder(program, add, group);

  own(
    'login',
    'Use a server elsewhere from here',
    'Asks for a token of the server, tries it, and keeps both in a file that only your account can read. Commands then go to that server. Make a token there with "token create".',
  )
    .argument('<url>', 'The address of the server, such as https://ecolink.example.')
    .option('--name <name>', 'A short name for it. Default: its host name.')
    .addHelpText('after', examples)
    .action((url: string, { name }: { name?: string }) => login(url, name, terminal));

  own('logout', 'Forget a server elsewhere', 'Deletes the token of a server from this machine. The token stays valid.')
    .argument('[name]', 'Its name. Default: the server in use.')
    .action((name: string | undefined) => logout(name, terminal));

  own('list-servers', 'List the servers that you logged in to', 'Lists them, and says which one is in use.')
    .option(...jsonFlag)
    .action((_, command: Command) => listServers(wantsJson(command), terminal));

  own('use-server', 'Choose the server that commands go to', 'Chooses a server by its name. "local" is this machine.')
    .argument('<name>', 'Its name, as list-servers shows it.')
    .action((name: string) => useServer(name, terminal));
}

// What these need is imported when they run, so that help does not load it.
const saved = () => import('../client/saved-servers.ts');

async function login(given: string, givenName: string | undefined, terminal: Terminal): Promise<void> {
  const { localServer, readSavedServers, savedServersPath, writeSavedServers } = await saved();
  const url = checkedUrl(given);
  const name = givenName ?? url.hostname;
  if (name === localServer || !/^[\w.:-]{1,100}$/.test(name)) {
    throw fail('bad_field', `A server cannot be named "${name}".`, {
      nextStep: 'Use --name with letters, digits, dots and dashes. "local" is this machine.',
    });
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    terminal.err('WARN: The connection is not encrypted. Whoever is on the way can read the token. Use https.');
  const { readSecret } = await import('./read-secret.ts');
  const address = url.href.replace(/\/+$/, '');
  const token = await readSecret(`Token of ${address}: `, {
    nextStep: `Make one on that server: ${programName} token create <name> --scope operate. Then type it here, or send it to standard input.`,
  });
  await tryToken(address, token);
  const before = readSavedServers();
  writeSavedServers({ current: name, servers: { ...before.servers, [name]: { url: address, token } } });
  terminal.out(`Logged in to ${name} (${address}). Commands go there from now on.`);
  terminal.err(`The token is in ${savedServersPath()}. Back to this machine: ${programName} use-server ${localServer}`);
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === '') return url;
  throw fail('bad_field', 'That is no address of a server.', {
    nextStep: 'Write it like https://ecolink.example, without a token in it.',
  });
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/** Throws if the server is none, or refuses the token. A token that may only call models is fine. */
async function tryToken(url: string, token: string): Promise<void> {
  const { connect } = await import('../client/client.ts');
  const { loadConfig } = await import('../core/config/load.ts');
  const address = { dataDir: loadConfig().dataDir, url, token, tokenFrom: 'what you typed' };
  const client = await connect({ ...address, source: 'cli' }).catch((thrown: unknown) => {
    throw thrown instanceof EcolinkError && thrown.code === 'server_not_running' ? notThere(thrown) : thrown;
  });
  try {
    await client.call('list_models', { limit: 1 });
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'scope_missing') throw thrown;
  }
}

function notThere(cause: EcolinkError): Error {
  return fail('server_not_running', cause.said, {
    nextStep: 'Check the address, with its port. An operator of the server knows it.',
    cause,
  });
}

async function logout(given: string | undefined, terminal: Terminal): Promise<void> {
  const { localServer, readSavedServers, serverUnknown, writeSavedServers } = await saved();
  const { current, servers } = readSavedServers();
  const name = given ?? current ?? localServer;
  if (name === localServer) throw notLoggedIn(Object.keys(servers));
  if (!Object.hasOwn(servers, name)) throw serverUnknown(name, Object.keys(servers));
  const others = Object.fromEntries(Object.entries(servers).filter(([each]) => each !== name));
  writeSavedServers({ current: current === name ? undefined : current, servers: others });
  terminal.out(`Logged out of ${name}. Its token is deleted here.`);
  terminal.err(`The token stays valid until it expires. To end it, on that server: ${programName} token revoke <name>`);
}

function notLoggedIn(names: readonly string[]): Error {
  return fail('server_unknown', 'Commands go to the server of this machine, which needs no login.', {
    nextStep:
      names.length === 0
        ? `You are logged in nowhere. To use a server elsewhere: ${programName} login <url>`
        : `Name the server: ${programName} logout ${names[0]}`,
    validValues: names,
  });
}

async function listServers(json: boolean, terminal: Terminal): Promise<void> {
  const { localServer, readSavedServers } = await saved();
  const { current = localServer, servers } = readSavedServers();
  const all = [
    [localServer, undefined] as const,
    ...Object.entries(servers).map(([name, { url }]) => [name, url] as const),
  ];
  const items = all.map(([name, url]) => ({ name, url, in_use: name === current }));
  const { jsonText } = await import('./output/json.ts');
  const { table } = await import('./output/table.ts');
  const options = { width: terminal.width, now: Date.now() };
  terminal.out(json ? jsonText({ items }, 2) : table(['name', 'url', 'in_use'], items, options));
}

async function useServer(name: string, terminal: Terminal): Promise<void> {
  const { localServer, readSavedServers, serverUnknown, writeSavedServers } = await saved();
  const { servers } = readSavedServers();
  if (name !== localServer && !Object.hasOwn(servers, name)) throw serverUnknown(name, Object.keys(servers));
  writeSavedServers({ current: name === localServer ? undefined : name, servers });
  const where = name === localServer ? 'the server of this machine' : `${name} (${servers[name]?.url})`;
  terminal.out(`Commands go to ${where} from now on.`);
}

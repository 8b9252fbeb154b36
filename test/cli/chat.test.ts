import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { spawn } from '@lydell/node-pty';
import type { IPty } from '@lydell/node-pty';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { childEnvironment, mainFile } from './support/run-program.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

// One server with one running chat model, for all tests: they only talk to it.
let server: ServeChild;
beforeAll(async () => {
  server = await startServe();
  const folder = ['--source', 'filesystem', '--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'];
  await runs('register-model', 'tiny', ...folder);
  await runs('launch-instance', 'tiny', '--wait');
}, 180_000);
/** Throws if the command fails. */
async function runs(...argv: string[]): Promise<void> {
  const { status, stderr } = await server.run(...argv);
  if (status !== 0) throw new Error(stderr);
}
afterAll(() => server[Symbol.asyncDispose]());

test('--message prints one answer on standard output, and nothing else', async () => {
  const byNumber = await server.run('chat', '1', '--message', 'Hello', '--max-tokens', '64');
  expect(byNumber).toMatchObject({ status: 0, stderr: '' });
  // With random weights, a few tokens may well be white space.
  expect(byNumber.stdout.trim()).not.toBe('');
  const byModel = await server.run('chat', 'tiny', '-m', 'Hello', '--max-tokens', '8');
  expect(byModel).toMatchObject({ status: 0, stderr: '' });
});

test('what cannot be talked to is refused with a next step', async () => {
  expect(await server.run('chat', '7', '-m', 'Hello')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('error[instance_not_found]'),
  });
  expect(await server.run('chat', '1')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('next: Give it with --message, or send it to standard input.'),
  });
  expect(await server.run('chat', '1', '-m', 'x', '--max-tokens', 'many')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--max-tokens takes a whole number above 0, not "many".'),
  });
});

test('of an embedding model it shows the vector', async () => {
  const folder = ['--source', 'filesystem', '--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'embedding'];
  expect(await server.run('register-model', 'vectors', ...folder)).toMatchObject({ status: 0 });
  expect(await server.run('launch-instance', 'vectors', '--wait')).toMatchObject({ status: 0 });
  expect(await server.run('chat', 'vectors', '-m', 'Hello')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+ numbers, norm [\d.]+\n\[-?[\d.]+, .*…\]\n$/),
  });
});

test('in a terminal it answers, obeys its commands, and Ctrl-C stops an answer but not the chat', async () => {
  await using person = openChat('1');
  await person.sees('/help shows what you can type.');
  person.types('/nonsense\r');
  await person.sees('There is no /nonsense.');
  person.types('/system Be brief.\r');
  await person.sees('The instruction is set.');
  // The engine hangs, so the answer is on its way when the person stops it.
  const engine = await engineOf(server.dataDir);
  process.kill(engine, 'SIGSTOP');
  person.types('Tell me everything\r');
  await person.sees('Tell me everything');
  person.types('\u0003');
  await person.sees('(stopped)');
  process.kill(engine, 'SIGCONT');
  // What is typed during an answer waits for its end.
  person.types('Be short\r');
  person.types('/exit\r');
  expect(await person.end).toBe(0);
  const answer = person.screen().split('Be short').at(-1)?.split('\u001B[1G')[0]?.replace('/exit', '').trim();
  expect(answer).not.toBe('');
});

test('Ctrl-C at the prompt ends the chat', async () => {
  await using person = openChat('1');
  await person.sees('> ');
  person.types('\u0003');
  expect(await person.end).toBe(0);
});

async function engineOf(dataDir: string): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=', '-ww']);
  const engines = stdout.split('\n').filter((line) => line.includes(dataDir) && line.includes('llama-engine'));
  // The last one is the engine itself; the others are its sandbox.
  return Number.parseInt(engines.at(-1) ?? '', 10);
}

/** A person at a terminal that runs `ecolink chat`. */
function openChat(instance: string) {
  const env = childEnvironment(server.environment);
  const terminal: IPty = spawn(process.execPath, [mainFile, 'chat', instance, '--max-tokens', '2000'], {
    env,
    cols: 100,
  });
  let screen = '';
  const end = new Promise<number>((resolve) => void terminal.onExit(({ exitCode }) => resolve(exitCode)));
  terminal.onData((text) => (screen += text));
  return {
    end,
    screen: () => screen,
    types: (text: string) => terminal.write(text),
    sees: (text: string) => vi.waitUntil(() => screen.includes(text), { timeout: 30_000 }),
    async [Symbol.asyncDispose]() {
      terminal.kill();
      await end;
    },
  };
}

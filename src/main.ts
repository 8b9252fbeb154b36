/**
 * Picks a command. Everything is imported when it is needed: a download, a completion and `--help` load neither the
 * store nor the server.
 */
const [command, ...rest] = process.argv.slice(2);
/** Commands for pods of this image, which read a volume. */
const podCommands = new Set([
  'check-volume',
  'verify-volume',
  'check-folder',
  'list-folder',
  'read-file',
  'probe-region',
]);

if (command === 'pull') {
  const { pullCommand } = await import('./core/download/command.ts');
  process.exitCode = await pullCommand(rest);
} else if (command !== undefined && podCommands.has(command)) {
  const { runPodCommand } = await import('./core/regions/kubernetes/pods/pod-commands.ts');
  process.exitCode = await runPodCommand(command, rest);
} else if (command === '__complete') {
  const { completeCommand } = await import('./cli/complete.ts');
  await completeCommand(rest);
} else if (command === '--version' && rest.length === 0) {
  // Scripts and every new shell ask for this and the next one. They need none of the commands.
  process.stdout.write(`${(await import('./core/config/version.ts')).ownVersion()}\n`);
} else if (command === 'completion' && /^(?:bash|zsh|fish)$/.test(rest.join(' '))) {
  const { completion } = await import('./cli/completion.ts');
  completion(rest[0] ?? '', { out: (text) => void process.stdout.write(`${text}\n`) });
} else {
  // What it writes is for its own account: the state, logs, keys.
  process.umask(0o077);
  if (command === 'serve') (await import('./cli/node-flags.ts')).restartWithNodeFlags();
  const { runProgram } = await import('./cli/program.ts');
  process.exitCode = await runProgram(process.argv.slice(2));
}

import { spawn } from '@lydell/node-pty';
import { childEnvironment, mainFile } from './run-program.ts';

/** Runs the real program in a pseudo-terminal. Both outputs arrive together, as on a screen. */
export function runInTerminal(
  argv: readonly string[],
  environment: Record<string, string>,
): Promise<{ status: number; output: string }> {
  const terminal = spawn(process.execPath, [mainFile, ...argv], { cols: 200, env: childEnvironment(environment) });
  let output = '';
  terminal.onData((text) => (output += text));
  return new Promise((resolve) => {
    terminal.onExit(({ exitCode }) => resolve({ status: exitCode, output }));
  });
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { childEnvironment, mainFile, runProgram } from './support/run-program.ts';

const run = promisify(execFile);

test('bash completes with the script that the program prints', async () => {
  expect(await completedByBash('ecolink register')).toEqual(['register-model']);
  expect(await completedByBash('ecolink check-model --source ')).toEqual(['huggingface', 'filesystem']);
});

test('after an equals sign bash gets only the value, because it splits the word itself', async () => {
  expect(await completedByBash('ecolink check-model --source=f')).toEqual(['filesystem']);
});

test('each shell has its script, and an unknown shell is refused with a suggestion', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect((await runProgram(['completion', shell], {})).stdout).toContain('__complete');
  }
  expect(await runProgram(['completion', 'bsh'], {})).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Did you mean bash?'),
  });
});

test('a completion prints nothing if it fails', async () => {
  const nowhere = { ECOLINK_URL: 'http://127.0.0.1:1', ECOLINK_TOKEN: 'eco_x' };
  expect(await runProgram(['__complete', 'get-model', ''], nowhere)).toEqual({ status: 0, stdout: '', stderr: '' });
});

async function completedByBash(line: string): Promise<string[]> {
  const script = `
    ecolink() { "$NODE" "$MAIN" "$@"; }
    source <(ecolink completion bash)
    COMP_LINE=$LINE COMP_POINT=\${#LINE}
    _ecolink
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = childEnvironment({ NODE: process.execPath, MAIN: mainFile, LINE: line });
  const { stdout } = await run('bash', ['-c', script], { env });
  return stdout.split('\n').filter((each) => each !== '');
}

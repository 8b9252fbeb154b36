import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findCommand } from '../../src/core/runtimes/built-in.ts';
import { llamaCppList } from '../../src/core/runtimes/launch-arguments/llama-cpp.ts';

/** llama.cpp's own server: named by LLAMA_SERVER, or on the PATH. */
const binary = process.env['LLAMA_SERVER'] ?? findCommand('llama-server', process.env['PATH']);
if (binary === undefined) {
  if (process.env['CI'] === 'true') throw new Error('llama-server is neither on the PATH nor named by LLAMA_SERVER.');
  process.stderr.write('SKIPPED: llama-server is neither on the PATH nor named by LLAMA_SERVER.\n');
}

/** The flags at the beginning of each entry of the help: `-t,    --threads N`, `--warmup, --no-warmup`. */
function flagsOf(help: string): Set<string> {
  const heads = help.split('\n').filter((line) => line.startsWith('-'));
  return new Set(heads.flatMap((line) => line.slice(0, 120).match(/(?<![\w-])--?[A-Za-z][\w.-]*/g) ?? []));
}

describe.skipIf(binary === undefined)('the flags that a launch may give to llama.cpp', () => {
  const known =
    binary === undefined ? new Set<string>() : flagsOf(execFileSync(binary, ['--help'], { encoding: 'utf8' }));

  it.each(llamaCppList.arguments.map((each) => [each.flag, each] as const))('%s is in the help', (flag, each) => {
    const spellings = [flag, ...(each.aliases ?? [])];
    const negated = each.value === 'none' && each.negatable === true ? [`--no-${flag.slice(2)}`] : [];
    expect([...spellings, ...negated].filter((spelling) => !known.has(spelling))).toEqual([]);
  });

  it.each(
    llamaCppList.arguments.flatMap((each) => (each.value === 'one_of' ? [[each.flag, each.choices] as const] : [])),
  )('%s takes each of its words', (flag, choices) => {
    for (const choice of choices) {
      // The server reads its arguments, and then prints its version and ends.
      const output = execFileSync(binary as string, [flag, choice, '--version'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(output).not.toContain('error');
    }
  });
});

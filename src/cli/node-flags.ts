/**
 * Node lets its young objects grow to 64 MB, and as much again: 100 MB more with 2,000 instances, and no faster for it. The
 * limit is read when a process begins, and nothing sets it later.
 */
export const leanFlags = ['--max-semi-space-size=16'];

/**
 * Puts in place of this process the same one with those flags, whichever way it was started (npm, `ecolink`, detached by
 * `ecolink mcp`, the image), with the same pid and standard streams. Does nothing where somebody gave such a flag, and on
 * Windows, which has no exec. To be called before anything else is begun: nothing is cleaned up.
 */
export function becomeLean(): void {
  if (typeof process.execve !== 'function') return;
  if (process.execArgv.some((flag) => /^--max[-_]semi[-_]space[-_]size/.test(flag))) return;
  const [, ...words] = process.argv;
  process.execve(process.execPath, [process.execPath, ...leanFlags, ...process.execArgv, ...words]);
}

import { compileGlob, GlobError, type Glob } from '../../base/glob.ts';
import { fail } from '../../base/errors.ts';

export type PatternField = 'include' | 'exclude';

/** Returns true for paths that one of the patterns matches, in upper or lower case. Throws `bad_pattern`. */
export function compilePatterns(patterns: readonly string[], field: PatternField): (path: string) => boolean {
  const globs = patterns.map((pattern) => compile(pattern, field));
  return (path) => globs.some((glob) => glob.matches(path));
}

function compile(pattern: string, field: PatternField): Glob {
  try {
    return compileGlob(pattern, { ignoreCase: true });
  } catch (thrown) {
    if (!(thrown instanceof GlobError)) throw thrown;
    throw fail('bad_pattern', `A pattern of ${field} cannot be used: ${thrown.message}.`, {
      nextStep: 'Use *, **, ? and [a-z]. Give several patterns instead of {a,b}, and ? for any other sign.',
      field,
      cause: thrown,
    });
  }
}

const special = /[[\]{}()\\*?!+@]/g;

/** A pattern that matches these files: the path of one file, or all shards of one set. */
export function patternFor(paths: readonly string[]): string {
  const [first = ''] = paths;
  const escaped = first.replace(special, '?');
  const pattern =
    paths.length > 1 ? escaped.replace(/\d+(?=[-_]of[-_]\d+)/i, (digits) => '?'.repeat(digits.length)) : escaped;
  return pattern.length <= 200 ? pattern : `*${pattern.slice(-199)}`;
}

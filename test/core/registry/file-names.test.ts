import { describe, expect, test } from 'vitest';
import { checkCollisions, checkFileNames } from '../../../src/core/registry/file-names.ts';

const files = (...paths: string[]) => paths.map((path) => ({ path, size: 1 }));

describe('a name', () => {
  test.each([
    ['a'.repeat(256), 'more than 255 bytes'],
    [`x/${'é'.repeat(128)}`, 'more than 255 bytes'],
    [Array.from({ length: 9 }, () => 'a'.repeat(120)).join('/'), 'more than 1024 bytes'],
    ['a\uD800.json', 'no valid Unicode'],
    ['../x', 'not a plain path'],
    ['a/../x', 'not a plain path'],
    ['a//x', 'not a plain path'],
    ['a/./x', 'not a plain path'],
    ['/etc/passwd', 'absolute'],
    ['a\nb', 'control characters'],
    ['a\u007Fb', 'control characters'],
    ['a\\b', 'backslash'],
    ['.ecolink/complete.json', 'its own state'],
  ])('%j cannot be written: %s', (path, said) => {
    expect(() => checkFileNames(files('ok', path))).toThrow(
      expect.objectContaining({ code: 'bad_file_name', message: expect.stringContaining(said) as string }),
    );
  });

  test('of the longest kind can, and is not repeated at length where another cannot', () => {
    checkFileNames(files('a'.repeat(255), 'é'.repeat(127), 'a/b c/ü.json', '...', '.hidden'));
    expect(() => checkFileNames(files('b'.repeat(5000)))).toThrow(/^.{1,200}$/);
  });
});

describe('two names', () => {
  test.each([
    [['Config.json', 'config.json'], 'in case only'],
    [['a/B.json', 'A/b.json'], 'in case only'],
    [['\u00E9.json', 'e\u0301.json'], 'in case only'],
    [['a', 'a/b.json'], 'which is a file'],
    [['A', 'a/x/b.json'], 'which is a file'],
  ])('%j clash: %s', (paths, said) => {
    expect(() => checkCollisions(files(...paths))).toThrow(
      expect.objectContaining({ code: 'bad_file_name', message: expect.stringContaining(said) as string }),
    );
  });

  test('in folders of one name do not', () => {
    expect(() => checkCollisions(files('a/x.json', 'a/y.json', 'b/x.json', 'ab'))).not.toThrow();
  });
});

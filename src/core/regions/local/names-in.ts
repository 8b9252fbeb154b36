import { readdir } from 'node:fs/promises';

/** Names of the entries of a folder. A folder that cannot be read has none. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

/** Names that are whole numbers, as numbers in ascending order. */
export async function numbersIn(folder: string): Promise<number[]> {
  const names = await namesIn(folder);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);
}

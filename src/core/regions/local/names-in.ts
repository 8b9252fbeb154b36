import { readdir } from 'node:fs/promises';
import { absentIfMissing } from '../../base/absent.ts';

/** Names of the entries of a folder. A folder that is not there has none. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(absentIfMissing)) ?? [];
}

/** Names that are whole numbers, as numbers in ascending order. */
export async function numbersIn(folder: string): Promise<number[]> {
  const names = await namesIn(folder);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);
}

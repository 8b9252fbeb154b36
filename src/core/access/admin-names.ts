import type { Access } from './access.ts';

/** Who can give a role, for the words of a refusal. */
export async function adminNames(access: Pick<Access, 'membersOf'>): Promise<string> {
  const names = (await access.membersOf({ roles: ['admin'] })).map(({ name }) => name);
  if (names.length === 0) return 'whoever runs this EcoLink server';
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return shown.length === 1 ? (shown[0] as string) : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

import type { Access } from './access.ts';

const maximumNames = 5;

/** The admins by name, for the text of a refusal: they can give a role. */
export async function adminNames(access: Pick<Access, 'membersOf'>): Promise<string> {
  const names = (await access.membersOf({ roles: ['admin'] })).map(({ name }) => name);
  const shown = names.slice(0, maximumNames);
  const last = names.length > maximumNames ? `${names.length - maximumNames} more` : shown.pop();
  if (last === undefined) return 'whoever runs this EcoLink server';
  return shown.length === 0 ? last : `${shown.join(', ')} or ${last}`;
}

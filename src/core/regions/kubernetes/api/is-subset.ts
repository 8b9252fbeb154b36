/**
 * Whether a live object still has everything that was rendered. What the server filled in, or others added, is no
 * difference. Lists of named things are matched by name, for an admission webhook may add to them. Pure.
 */
export function carries(live: unknown, rendered: unknown): boolean {
  if (Array.isArray(rendered)) return Array.isArray(live) && carriesList(live, rendered);
  if (typeof rendered !== 'object' || rendered === null) return live === rendered;
  if (typeof live !== 'object' || live === null) return Object.keys(rendered).length === 0;
  return Object.entries(rendered).every(
    ([name, value]) => value === undefined || carries((live as Record<string, unknown>)[name], value),
  );
}

function carriesList(live: unknown[], rendered: unknown[]): boolean {
  if (!rendered.every(isNamed)) {
    return live.length === rendered.length && rendered.every((value, index) => carries(live[index], value));
  }
  return rendered.every((value) => {
    const same = live.find((each) => isNamed(each) && each.name === value.name);
    return same !== undefined && carries(same, value);
  });
}

function isNamed(value: unknown): value is { name: string } {
  return typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string';
}

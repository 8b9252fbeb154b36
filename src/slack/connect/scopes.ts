import { scopes } from '../manifest.ts';

/** The scopes that an installation lacks, and what is off without them. Empty if Slack does not tell the scopes. */
export function missingScopes(granted: readonly string[] | undefined): { scope: string; off: string }[] {
  if (granted === undefined) return [];
  return Object.entries(scopes).flatMap(([scope, off]) => (granted.includes(scope) ? [] : [{ scope, off }]));
}

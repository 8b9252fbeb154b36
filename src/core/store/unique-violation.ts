/** PostgreSQL's unique_violation, and SQLite's two constraints that say the same. */
const codes = new Set<unknown>(['23505', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY']);

/** True for what a query throws when another one made the same key first: somebody lost a race. */
export function isUniqueViolation(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && codes.has(thrown.code);
}

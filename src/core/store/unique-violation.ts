/** unique_violation of PostgreSQL, and the two codes of SQLite that mean the same. */
const codes = new Set<unknown>(['23505', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY']);

/** True for the error of a query that inserts a key which exists already, perhaps since a moment ago. */
export function isUniqueViolation(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && codes.has(thrown.code);
}

/** npm scripts of this project that people start commands or the server with. */
const ownScripts = new Set(['ecolink', 'start']);

/** What people type before a command, as they started this one. A clone has no `ecolink` on the PATH. */
export function programName(environment: Record<string, string | undefined> = process.env): string {
  const { npm_package_name: project, npm_lifecycle_event: script = '' } = environment;
  return project === 'ecolink' && ownScripts.has(script) ? 'npm run -s ecolink --' : 'ecolink';
}

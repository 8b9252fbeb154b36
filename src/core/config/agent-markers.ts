interface AgentMarker {
  variable: string;
  program: string;
}

/** Variables that coding assistants set for the commands that they run. docs/policy.md lists them for users. */
export const agentMarkers: readonly AgentMarker[] = [
  { variable: 'CLAUDECODE', program: 'Claude Code' },
  { variable: 'CODEX_SANDBOX', program: 'Codex' },
  { variable: 'CODEX_SANDBOX_NETWORK_DISABLED', program: 'Codex' },
  { variable: 'CURSOR_AGENT', program: 'Cursor' },
  { variable: 'GEMINI_CLI', program: 'Gemini CLI' },
];

/** The marker of the assistant that runs this process, if it has one. An empty variable is no marker. */
export function agentMarker(environment: Record<string, string | undefined> = process.env): AgentMarker | undefined {
  return agentMarkers.find(({ variable }) => (environment[variable] ?? '') !== '');
}

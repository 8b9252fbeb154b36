import type { WebClient } from '@slack/web-api';
import type { Core } from '../core/core.ts';
import type { EcolinkError } from '../core/errors.ts';
import type { ApprovalMessages } from './approval-messages.ts';
import type { LiveMessages } from './live-messages.ts';
import type { Workspace } from './people.ts';

/** What came of a submission. */
export type Outcome = { receipt: Record<string, unknown> } | { error: EcolinkError };

/** What the handlers of commands, clicks and forms work with. */
export interface Desk {
  core: Core;
  home: Workspace;
  client: WebClient;
  /** For what hangs on a trigger: fails rather than to come too late. */
  hasty: WebClient;
  live: LiveMessages;
  approvals: ApprovalMessages;
  /** Submissions whose outcome is still awaited, by form id. */
  awaited: Map<string, { closed: boolean; work: Promise<Outcome> }>;
  /** Milliseconds that a submission may take before its form says that it is being checked. Slack gives 3,000. */
  patience: number;
}

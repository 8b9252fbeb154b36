import { WebAPIPlatformError } from '@slack/web-api';
import { fail } from '../../core/base/errors.ts';
import type { EcolinkError } from '../../core/base/errors.ts';

export function notConfigured(message: string): EcolinkError {
  return fail('slack_not_configured', message, {
    nextStep: 'docs/slack.md says which tokens Slack needs and where to find them.',
  });
}

/** Without a list, anybody could install the app and reach the registry. */
export function nothingListed(): EcolinkError {
  return fail(
    'slack_nothing_listed',
    'SLACK_CLIENT_ID is set, and ecolink.yaml lists no workspace or organisation that may install the app.',
    { nextStep: 'Add their ids (T…, E…) under "slack": "workspaces" or "organisations", and start again.' },
  );
}

export function startError(thrown: unknown): EcolinkError {
  if (thrown instanceof WebAPIPlatformError) {
    return fail('slack_token_refused', `Slack refuses the token: ${thrown.data.error}.`, {
      nextStep: "Compare SLACK_BOT_TOKEN and SLACK_APP_TOKEN with the app's pages at api.slack.com/apps.",
      cause: thrown,
    });
  }
  return fail('slack_unreachable', 'Slack does not answer.', {
    nextStep: 'Check that this machine reaches slack.com, then start again.',
    cause: thrown,
  });
}

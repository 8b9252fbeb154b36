import type { ServerResponse } from 'node:http';
import { EcolinkError, asEcolinkError, fail } from '../../core/base/errors.ts';
import { escapeHtml } from '../../core/base/format.ts';
import { randomId } from '../../core/base/ids.ts';
import type { Log } from '../../core/base/log.ts';
import { slackWords } from '../blocks/speaker.ts';

/** The URL of the page has Slack's code in it: no other site may see it, and no foreign script may run. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function sendInstalled(response: ServerResponse, name: string): void {
  send(response, 200, 'EcoLink is installed', [
    `EcoLink is in ${name} now. Type /ecolink there. ecolink.yaml says who may do what.`,
    'You can close this page.',
  ]);
}

/** Shows an error of an installation in the browser. */
export function sendFailure(log: Log, response: ServerResponse, thrown: Error & { code?: string }): void {
  const reference = randomId('req');
  const error = asEcolinkError(known(thrown), reference);
  const about = { code: error.code, request: reference };
  if (error.kind === 'unexpected') log.error({ err: thrown, ...about }, 'Slack: an installation failed');
  else log.warn({ reason: thrown.message, ...about }, 'Slack: an installation failed');
  send(response, error.httpStatus, 'EcoLink is not installed', [slackWords(error.said), slackWords(error.nextStep)]);
}

function known(thrown: Error & { code?: string }): unknown {
  if (thrown instanceof EcolinkError) return thrown;
  const again = { nextStep: 'Begin again at the address of this server that ends with /slack/install.' };
  switch (thrown.code) {
    case 'slack_oauth_installer_authorization_error':
      return fail('slack_install_cancelled', 'The installation was cancelled in Slack.', again);
    case 'slack_oauth_missing_code':
      return fail('slack_install_incomplete', 'This page is only for the end of an installation in Slack.', again);
    case 'slack_oauth_invalid_state':
      return fail(
        'slack_install_not_begun_here',
        'This installation began in another browser, or more than 10 minutes ago.',
        again,
      );
    case 'slack_webapi_platform_error':
      return fail('slack_install_refused', 'Slack did not accept the installation.', again);
    case 'slack_webapi_request_error':
    case 'slack_webapi_http_error':
      return fail('slack_unreachable', 'Slack does not answer.', again);
    default:
      return thrown;
  }
}

function send(response: ServerResponse, status: number, title: string, lines: readonly string[]): void {
  const text = lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('');
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head><body><h1>${title}</h1>${text}</body></html>`;
  response.writeHead(status, headers).end(page);
}

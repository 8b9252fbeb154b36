import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { fail } from '../core/base/errors.ts';

/**
 * Throws if a request was not meant for this server. A web page can make a browser send requests here (DNS rebinding:
 * the page's name resolves to this address). But it cannot forge the Host and Origin headers of the browser.
 */
export type HostCheck = (request: IncomingMessage) => void;

const wildcards = new Set(['0.0.0.0', '::', '']);

export function createHostCheck(configuredHost: string, others: readonly string[] = []): HostCheck {
  const configured = configuredHost.toLowerCase();
  const anyAddress = wildcards.has(configured);
  const allowed = (hostname: string): boolean =>
    isLoopback(hostname) ||
    hostname === configured ||
    others.includes(hostname) ||
    (anyAddress && isIP(hostname) !== 0);
  return ({ method, headers }) => {
    const host = hostnameOf(`http://${headers.host ?? ''}`);
    if (host === undefined || !allowed(host)) throw hostRefused(headers.host);
    if (headers.origin === undefined) {
      if (isFromOtherPage(headers) && !isNavigation(method, headers)) throw originRefused();
      return;
    }
    const origin = hostnameOf(headers.origin);
    if (origin === undefined || (origin !== host && !isLoopback(origin))) throw originRefused();
  };
}

/** Browsers send no Origin with images, scripts and other simple loads. They do say which site asks. */
function isFromOtherPage({ 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  return site === 'cross-site' || site === 'same-site';
}

/** A person follows a link, such as one to a page that makes a token. */
function isNavigation(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || (hostname.startsWith('127.') && isIP(hostname) === 4);
}

/** Lower case, without port and brackets. Undefined if it is not a plain web origin. */
function hostnameOf(origin: string): string | undefined {
  if (!/^https?:\/\/[\w.:[\]-]+$/i.test(origin) || !URL.canParse(origin)) return undefined;
  return new URL(origin).hostname.replace(/^\[|\]$/g, '');
}

function hostRefused(host: string | undefined): Error {
  return fail(
    'host_not_allowed',
    `This server does not answer for the host name ${JSON.stringify((host ?? '').slice(0, 100))}.`,
    {
      nextStep:
        'Call it by its loopback address or by the host in ECOLINK_HOST, or add this name to ECOLINK_ALLOWED_HOSTS.',
    },
  );
}

function originRefused(): Error {
  return fail('origin_not_allowed', 'This server does not answer web pages of other sites.', {
    nextStep: 'Call it from a program, or from a page on the same host. EcoLink sends no CORS headers.',
  });
}

import { systemErrorCode } from './system-error.ts';

/** Codes of OpenSSL and Node for a certificate that is not accepted (nodejs.org/api/tls.html, X509 certificate error codes). */
const codes: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The code if the error, or its cause, says that a server's certificate is not accepted. */
export function certificateErrorCode(thrown: unknown): string | undefined {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    const code = systemErrorCode(error);
    if (code !== undefined && codes.has(code)) return code;
  }
  return undefined;
}

/** What an operator does about it. */
export const trustAuthority =
  "If a company's own authority signed it, set NODE_EXTRA_CA_CERTS to the file with the authority's certificate, or NODE_USE_SYSTEM_CA=1 if the machine trusts it, and restart the server.";

import type { ErrorCode } from '../base/error-codes.ts';
import { certificateErrorCode, trustAuthority } from '../base/certificate-error.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import { systemErrorCode } from '../base/system-error.ts';

interface Trouble {
  code: ErrorCode;
  /** What is true of "the database". */
  said: string;
  nextStep: string;
}

const heals = 'EcoLink goes on by itself when it is back.';

const unreachable: Trouble = {
  code: 'database_unreachable',
  said: 'cannot be reached',
  nextStep: `Check the host and the port in DATABASE_URL, and the network. ${heals}`,
};
const broken: Trouble = { ...unreachable, said: 'broke the connection' };
const refused: Trouble = {
  code: 'database_refused',
  said: 'refuses the connection: no PostgreSQL listens there',
  nextStep: `Start it, or correct the host and the port in DATABASE_URL. ${heals}`,
};
const login: Trouble = {
  code: 'database_login_refused',
  said: 'does not let this user in',
  nextStep: 'Correct the user and the password in DATABASE_URL. If both are right, look at pg_hba.conf.',
};
const rights: Trouble = {
  code: 'database_rights_missing',
  said: 'does not give this user the rights that EcoLink needs',
  nextStep: 'Make the user the owner of the database, or of its schema.',
};
const stopping: Trouble = {
  code: 'database_stopping',
  said: 'is starting or shutting down',
  nextStep: `Wait for it. ${heals}`,
};
const locked: Trouble = {
  code: 'database_locked',
  said: 'is locked by another program',
  nextStep: 'Try again. If it happens again, end the program that keeps the database open, such as a backup.',
};
const readOnly: Trouble = {
  code: 'database_read_only',
  said: 'can only be read',
  nextStep: 'Name the primary server in DATABASE_URL, or make the file of the database writable.',
};
const damaged: Trouble = {
  code: 'database_damaged',
  said: 'is damaged, or is no database',
  nextStep: 'Stop the server, keep the file, and restore the last backup.',
};
const noFile: Trouble = {
  code: 'database_unreachable',
  said: 'cannot be opened',
  nextStep: 'Check that the data folder is there and that this account may write to it.',
};

/** By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html), by SQLite's result code, by the system's. */
const troubles: ReadonlyMap<string, Trouble> = new Map([
  ['ENOTFOUND', unreachable],
  ['EAI_AGAIN', unreachable],
  ['EHOSTUNREACH', unreachable],
  ['ENETUNREACH', unreachable],
  ['ETIMEDOUT', unreachable],
  ['ECONNRESET', broken],
  ['EPIPE', broken],
  ['ECONNREFUSED', refused],
  ['ENOENT', refused],
  ['28P01', login],
  ['28000', login],
  [
    '3D000',
    {
      code: 'database_missing',
      said: 'does not exist on that server',
      nextStep: 'Make it with createdb, or correct its name in DATABASE_URL.',
    },
  ],
  [
    '53300',
    {
      code: 'database_busy',
      said: 'has no connection left',
      nextStep: 'End programs that keep connections, or raise max_connections. EcoLink uses up to 11 connections.',
    },
  ],
  ['57P01', stopping],
  ['57P02', stopping],
  ['57P03', stopping],
  ['55P03', locked],
  ['40P01', locked],
  ['25006', readOnly],
  ['42501', rights],
  ['XX001', damaged],
  ['XX002', damaged],
  ['SQLITE_BUSY', locked],
  ['SQLITE_LOCKED', locked],
  ['SQLITE_READONLY', readOnly],
  ['SQLITE_CANTOPEN', noFile],
  ['SQLITE_CORRUPT', damaged],
  ['SQLITE_NOTADB', damaged],
]);

/** What pg says without a code. */
const sentences: readonly [RegExp, Trouble][] = [
  [/^timeout exceeded when trying to connect|^Connection terminated due to connection timeout/, unreachable],
  [/^Connection terminated|^Client has encountered a connection error|^Query read timeout/, broken],
  [
    /does not support SSL connections/,
    {
      code: 'database_tls',
      said: 'speaks no TLS',
      nextStep: 'Turn TLS on there, or remove sslmode from DATABASE_URL.',
    },
  ],
  [
    /no pg_hba\.conf entry .*no encryption/,
    {
      code: 'database_tls',
      said: 'takes only connections with TLS',
      nextStep: 'Add sslmode=verify-full to DATABASE_URL.',
    },
  ],
  [/SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string/, login],
];

/**
 * The error that an operator can act on, instead of the driver's. Errors that are no trouble of the database, such as a
 * row that is there already, stay as they are. `place` names the database without a secret.
 */
export function databaseTrouble(thrown: unknown, place: string): unknown {
  if (thrown instanceof EcolinkError) return thrown;
  const trouble = troubleOf(thrown);
  if (!trouble) return thrown;
  const { code, said, nextStep } = trouble;
  return fail(code, `The database ${place} ${said}.`, { nextStep, cause: thrown });
}

function troubleOf(thrown: unknown): Trouble | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const certificate = certificateErrorCode(thrown);
  if (certificate !== undefined)
    return {
      code: 'database_tls',
      said: `has a certificate that is not accepted (${certificate})`,
      nextStep: trustAuthority,
    };
  // A refusal without TLS has the code of a refused login, and says more.
  const told = sentences.find(([pattern]) => pattern.test(thrown.message))?.[1];
  return told ?? byCode(systemErrorCode(thrown));
}

/** SQLite refines its codes: `SQLITE_BUSY_SNAPSHOT`, `SQLITE_READONLY_DBMOVED`. */
function byCode(code: string | undefined): Trouble | undefined {
  if (code === undefined) return undefined;
  return (
    troubles.get(code) ?? (code.startsWith('SQLITE_') ? troubles.get(code.split('_').slice(0, 2).join('_')) : undefined)
  );
}

/** `ecolink at db.example.org:5432`: never the user or the password. */
export function placeOf(databaseUrl: string): string {
  const url = URL.parse(databaseUrl);
  if (!url) return 'in DATABASE_URL';
  const host = url.searchParams.get('host') ?? (url.hostname === '' ? 'localhost' : url.host);
  return `${url.pathname.slice(1) || 'of the user'} at ${host}`;
}

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import { z } from 'zod';
import { isThere } from '../base/absent.ts';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import { hasControlCharacters } from '../base/control-characters.ts';
import { issueText, parseConfigFile } from './parse.ts';
import { absolutePath } from './paths.ts';
import type { Config, Secrets, SlackSecrets } from './config.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';

type Environment = Record<string, string | undefined>;

/** The variables that engines and downloads get. They get no others, so that no secret leaks to them. */
const childVariables = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'HIP_VISIBLE_DEVICES',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_SYSTEM_CA',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'ECOLINK_PULL_CONNECTIONS',
  'ECOLINK_PULL_RANGE_KIB',
  'ECOLINK_PULL_STALL_MS',
  'ECOLINK_PULL_TRIES',
  'ECOLINK_PULL_BACKOFF_MS',
  'ECOLINK_PULL_HOLD_MS',
];

const environmentSchema = z.object({
  ECOLINK_CONFIG: z.string().optional(),
  ECOLINK_DATA_DIR: z.string().optional(),
  ECOLINK_SINGLE_USER: z.enum(['true', 'false']).default('false'),
  // Brackets are for URLs.
  ECOLINK_HOST: z
    .string()
    .transform((host) => host.replace(/^\[(.*)\]$/, '$1'))
    .default('127.0.0.1'),
  ECOLINK_PORT: z.coerce.number().int().min(0).max(65535).default(7420),
  ECOLINK_ALLOWED_HOSTS: z
    .string()
    .regex(/^[a-zA-Z0-9.,\s-]+$/, 'must be host names, separated by commas')
    .default(''),
  ECOLINK_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:/, 'must begin with postgres://')
    .refine(isReadableUrl, {
      message:
        'is not a URL: a character such as @, #, / or % in the password must be percent-encoded (%40, %23, %2F, %25)',
    })
    .optional(),
  HF_ENDPOINT: z.url().default('https://huggingface.co'),
  HF_TOKEN: z.string().optional(),
  ECOLINK_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  ECOLINK_KEY: z.string().optional(),
  ECOLINK_KEY_FILE: z.string().optional(),
  ECOLINK_AUDIT_KEY: z.string().optional(),
  ECOLINK_AUDIT_KEY_FILE: z.string().optional(),
  ECOLINK_GATEWAY_SIGNING_KEY: z.string().optional(),
  ECOLINK_GATEWAY_PUBLIC_KEY: z.string().optional(),
  ECOLINK_GATEWAY_CREDENTIAL: z.string().min(32).optional(),
  SLACK_BOT_TOKEN: z.string().optional(),
  SLACK_APP_TOKEN: z.string().optional(),
  SLACK_SIGNING_SECRET: z.string().optional(),
  SLACK_CLIENT_ID: z.string().optional(),
  SLACK_CLIENT_SECRET: z.string().optional(),
  SLACK_API_URL: z.url().optional(),
});

function isReadableUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url) return false;
  try {
    decodeURIComponent(url.username + url.password + url.pathname);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the environment and `ecolink.yaml`. Throws `bad_environment`, or `bad_config` with the line. `schema`: for other
 * kinds of regions than the built-in ones.
 */
export function loadConfig(environment: Environment = process.env, schema: ConfigFileSchema = configFile): Config {
  const env = readEnvironment(environment);
  const dataDir = absolutePath(env.ECOLINK_DATA_DIR ?? join(homedir(), '.ecolink'));
  const files = env.ECOLINK_CONFIG === undefined ? usualFiles(dataDir) : [absolutePath(env.ECOLINK_CONFIG)];
  const file = readConfigFile(env.ECOLINK_CONFIG, files, schema);
  return {
    ...file,
    files,
    dataDir,
    singleUser: env.ECOLINK_SINGLE_USER === 'true',
    host: env.ECOLINK_HOST,
    port: env.ECOLINK_PORT,
    allowedHosts: allowedHostsOf(env),
    publicUrl: env.ECOLINK_PUBLIC_URL && withoutSlash(env.ECOLINK_PUBLIC_URL),
    databaseUrl: env.DATABASE_URL,
    hub: { endpoint: withoutSlash(env.HF_ENDPOINT) },
    logLevel: env.ECOLINK_LOG_LEVEL,
    logPretty: isatty(process.stderr.fd),
    secrets: secretsOf(env),
    childEnvironment: definedOnly(Object.fromEntries(childVariables.map((name) => [name, environment[name]]))),
  };
}

/** Reads the file again with another schema. Throws what it does not accept. */
export function checkConfigFile({ files }: Pick<Config, 'files'>, schema: ConfigFileSchema): void {
  readConfigFile(undefined, files, schema);
}

interface ClientEnvironment {
  url?: string;
  token?: string;
  /** The name of a server that somebody logged in to. */
  server?: string;
  singleUser: boolean;
}

/** The URL of a server and a token, if a client names them. Otherwise files in the data folder say both. */
export function clientEnvironment(environment: Environment = process.env): ClientEnvironment {
  const set = trimmed(environment, ['ECOLINK_URL', 'ECOLINK_TOKEN', 'ECOLINK_SERVER', 'ECOLINK_SINGLE_USER']);
  return {
    url: set['ECOLINK_URL'],
    token: set['ECOLINK_TOKEN'],
    server: set['ECOLINK_SERVER'],
    singleUser: set['ECOLINK_SINGLE_USER'] === 'true',
  };
}

/** Where people keep settings of this program (XDG Base Directory Specification). */
export function settingsFolder(environment: Environment = process.env): string {
  const folder = environment['XDG_CONFIG_HOME']?.trim();
  return join(folder?.startsWith('/') ? folder : join(homedir(), '.config'), 'ecolink');
}

type ValidEnvironment = z.output<typeof environmentSchema>;

function readEnvironment(environment: Environment): ValidEnvironment {
  const parsed = environmentSchema.safeParse(trimmed(environment, Object.keys(environmentSchema.shape)));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.path[0] === 'ECOLINK_PORT' && environment['ECOLINK_PORT']?.startsWith('tcp:')) throw serviceLink();
  throw fail('bad_environment', `${String(issue?.path[0])}: ${issue ? issueText(issue) : 'is not valid'}.`, {
    nextStep: 'Correct the environment variable, or unset it for the default.',
  });
}

const pemVariables = new Set(['ECOLINK_GATEWAY_SIGNING_KEY', 'ECOLINK_GATEWAY_PUBLIC_KEY']);

/**
 * The variables of these names without space around them: secrets often come from files that end with a line break. An
 * empty one counts as unset. Throws `bad_environment` for a control character, without showing the value. Only PEM may have
 * lines.
 */
function trimmed(environment: Environment, names: readonly string[]): Environment {
  const set: Environment = {};
  for (const name of names) {
    const value = environment[name]?.trim() || undefined;
    const text = pemVariables.has(name) ? value?.replaceAll(/\r?\n/g, '') : value;
    if (text !== undefined && hasControlCharacters(text)) {
      throw fail('bad_environment', `${name} contains a line break or another control character.`, {
        nextStep: `Set ${name} again, on one line.`,
      });
    }
    set[name] = value;
  }
  return set;
}

/** Kubernetes sets ECOLINK_PORT=tcp://… in every pod of a namespace with a Service `ecolink`. */
function serviceLink(): EcolinkError {
  return fail('bad_environment', 'ECOLINK_PORT was set by Kubernetes, for a Service that is named "ecolink".', {
    nextStep: 'Set enableServiceLinks: false in the pod, or set ECOLINK_PORT to a number.',
  });
}

function allowedHostsOf({ ECOLINK_ALLOWED_HOSTS: hosts, ECOLINK_PUBLIC_URL: url }: ValidEnvironment): string[] {
  const named = hosts.split(',').map((host) => host.trim().toLowerCase());
  return [...named, url === undefined ? '' : new URL(url).hostname].filter(Boolean);
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function definedOnly(environment: Environment): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) defined[name] = value;
  return defined;
}

function usualFiles(dataDir: string): string[] {
  return [resolve('ecolink.yaml'), join(dataDir, 'ecolink.yaml')];
}

function readConfigFile(named: string | undefined, files: readonly string[], schema: ConfigFileSchema): ConfigFile {
  const path = named ?? files.find((each) => isThere(each));
  if (path === undefined) return parseConfigFile('', 'ecolink.yaml', schema);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail('bad_config', `The configuration file ${path} cannot be read.`, {
      nextStep: 'Correct ECOLINK_CONFIG, or unset it to run with defaults.',
      cause,
    });
  }
  return parseConfigFile(text, path, schema);
}

function secretsOf(env: ValidEnvironment): Secrets {
  const folder = join(homedir(), '.config', 'ecolink');
  return {
    auditKey: {
      value: env.ECOLINK_AUDIT_KEY,
      file: absolutePath(env.ECOLINK_AUDIT_KEY_FILE ?? join(folder, 'audit.key')),
    },
    key: { value: env.ECOLINK_KEY, file: absolutePath(env.ECOLINK_KEY_FILE ?? join(folder, 'key')) },
    gateway: {
      signingKey: env.ECOLINK_GATEWAY_SIGNING_KEY,
      publicKey: env.ECOLINK_GATEWAY_PUBLIC_KEY,
      credential: env.ECOLINK_GATEWAY_CREDENTIAL,
    },
    hfToken: env.HF_TOKEN,
    slack: slackSecretsOf(env),
  };
}

/** Undefined if Slack is off. */
function slackSecretsOf(env: ValidEnvironment): SlackSecrets | undefined {
  const { SLACK_BOT_TOKEN: botToken, SLACK_CLIENT_ID: clientId, SLACK_CLIENT_SECRET: clientSecret } = env;
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    throw slackEnvironment('Only one of SLACK_CLIENT_ID and SLACK_CLIENT_SECRET is set.');
  }
  if (botToken !== undefined && clientId !== undefined) {
    throw slackEnvironment('SLACK_BOT_TOKEN is for one workspace, SLACK_CLIENT_ID is for several, and both are set.');
  }
  if (botToken === undefined && clientId === undefined) return undefined;
  return {
    botToken,
    oauth: clientId === undefined || clientSecret === undefined ? undefined : { clientId, clientSecret },
    appToken: env.SLACK_APP_TOKEN,
    signingSecret: env.SLACK_SIGNING_SECRET,
    apiUrl: env.SLACK_API_URL,
  };
}

function slackEnvironment(message: string): EcolinkError {
  return fail('bad_environment', message, { nextStep: 'See docs/slack.md for the variables that belong together.' });
}

/**
 * The quickstart's own data folder inside the data folder, and an environment that makes every program use it. Deleting
 * it harms nothing else.
 */
export function quickstartEnvironment(endpoint: string, environment: Environment = process.env) {
  const dataDir = join(loadConfig(environment).dataDir, 'quickstart');
  return {
    dataDir,
    environment: {
      ...definedOnly(environment),
      ECOLINK_DATA_DIR: dataDir,
      ECOLINK_CONFIG: join(dataDir, 'ecolink.yaml'),
      ECOLINK_URL: '',
      HF_ENDPOINT: endpoint,
      DATABASE_URL: '',
    },
  };
}

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import { z } from 'zod';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import { parseConfigFile, wordsOf } from './parse.ts';
import type { Config, Secrets, SlackSecrets } from './config.ts';
import { configFile } from './schema.ts';
import type { ConfigFile, ConfigFileSchema } from './schema.ts';

type Environment = Record<string, string | undefined>;

/** Names that engines and downloads may see; everything else of the server's environment stays with the server. */
const passedOn = [
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
  ECOLINK_HOST: z.string().default('127.0.0.1'),
  ECOLINK_PORT: z.coerce.number().int().min(0).max(65535).default(7420),
  ECOLINK_ALLOWED_HOSTS: z
    .string()
    .regex(/^[a-zA-Z0-9.,\s-]+$/, 'must be host names, separated by commas')
    .default(''),
  ECOLINK_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DATABASE_URL: z.string().startsWith('postgres').optional(),
  HF_ENDPOINT: z.url().default('https://huggingface.co'),
  HF_TOKEN: z.string().optional(),
  ECOLINK_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  ECOLINK_KEY: z.string().optional(),
  ECOLINK_KEY_FILE: z.string().optional(),
  ECOLINK_AUDIT_KEY: z.string().optional(),
  ECOLINK_AUDIT_KEY_FILE: z.string().optional(),
  SLACK_BOT_TOKEN: z.string().optional(),
  SLACK_APP_TOKEN: z.string().optional(),
  SLACK_SIGNING_SECRET: z.string().optional(),
  SLACK_CLIENT_ID: z.string().optional(),
  SLACK_CLIENT_SECRET: z.string().optional(),
  SLACK_API_URL: z.url().optional(),
});

/**
 * Reads the environment and `ecolink.yaml`. Throws `bad_config` with the line and what was expected. `schema`: for other
 * kinds of regions than the built-in ones.
 */
export function loadConfig(environment: Environment = process.env, schema: ConfigFileSchema = configFile): Config {
  const env = readEnvironment(environment);
  const dataDir = resolve(env.ECOLINK_DATA_DIR ?? join(homedir(), '.ecolink'));
  const files = env.ECOLINK_CONFIG === undefined ? usualFiles(dataDir) : [resolve(env.ECOLINK_CONFIG)];
  const file = readConfigFile(env.ECOLINK_CONFIG, files, schema);
  return {
    ...file,
    files,
    dataDir,
    host: env.ECOLINK_HOST,
    port: env.ECOLINK_PORT,
    allowedHosts: [
      ...env.ECOLINK_ALLOWED_HOSTS.split(',').map((host) => host.trim().toLowerCase()),
      env.ECOLINK_PUBLIC_URL === undefined ? '' : new URL(env.ECOLINK_PUBLIC_URL).hostname,
    ].filter(Boolean),
    ...(env.ECOLINK_PUBLIC_URL === undefined ? {} : { publicUrl: env.ECOLINK_PUBLIC_URL.replace(/\/+$/, '') }),
    ...(env.DATABASE_URL === undefined ? {} : { databaseUrl: env.DATABASE_URL }),
    hub: { endpoint: env.HF_ENDPOINT.replace(/\/+$/, '') },
    logLevel: env.ECOLINK_LOG_LEVEL,
    logPretty: isatty(process.stderr.fd),
    secrets: secretsOf(env),
    childEnvironment: Object.fromEntries(
      passedOn.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    ),
  };
}

/** Where a client finds the server, besides the data folder's own files. */
export function clientEnvironment(environment: Environment = process.env): { url?: string; token?: string } {
  const { ECOLINK_URL: url, ECOLINK_TOKEN: token } = environment;
  return { ...(url ? { url } : {}), ...(token ? { token } : {}) };
}

function readEnvironment(environment: Environment): z.output<typeof environmentSchema> {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(set);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw fail('bad_environment', `${String(issue?.path[0])}: ${issue ? wordsOf(issue) : 'is not valid'}.`, {
    nextStep: 'Correct the environment variable, or unset it to get the default.',
  });
}

function usualFiles(dataDir: string): string[] {
  return [resolve('ecolink.yaml'), join(dataDir, 'ecolink.yaml')];
}

function readConfigFile(named: string | undefined, files: readonly string[], schema: ConfigFileSchema): ConfigFile {
  const path = named ?? files.find((each) => existsSync(each));
  if (path === undefined) return parseConfigFile('', 'ecolink.yaml', schema);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail('bad_config', `The configuration file ${path} cannot be read.`, {
      nextStep: 'Correct ECOLINK_CONFIG, or unset it to run on defaults.',
      cause,
    });
  }
  return parseConfigFile(text, path, schema);
}

function secretsOf(env: z.output<typeof environmentSchema>): Secrets {
  const auditKey = {
    ...(env.ECOLINK_AUDIT_KEY === undefined ? {} : { value: env.ECOLINK_AUDIT_KEY }),
    file: env.ECOLINK_AUDIT_KEY_FILE ?? join(homedir(), '.config', 'ecolink', 'audit.key'),
  };
  const key = {
    ...(env.ECOLINK_KEY === undefined ? {} : { value: env.ECOLINK_KEY }),
    file: resolve(env.ECOLINK_KEY_FILE ?? join(homedir(), '.config', 'ecolink', 'key')),
  };
  const slack = slackSecretsOf(env);
  return {
    auditKey,
    key,
    ...(env.HF_TOKEN === undefined ? {} : { hfToken: env.HF_TOKEN }),
    ...(slack === undefined ? {} : { slack }),
  };
}

/** Undefined where Slack is off. */
function slackSecretsOf(env: z.output<typeof environmentSchema>): SlackSecrets | undefined {
  const { SLACK_BOT_TOKEN: botToken, SLACK_CLIENT_ID: clientId, SLACK_CLIENT_SECRET: clientSecret } = env;
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    throw slackEnvironment('Of SLACK_CLIENT_ID and SLACK_CLIENT_SECRET one is set without the other.');
  }
  if (botToken !== undefined && clientId !== undefined) {
    throw slackEnvironment('SLACK_BOT_TOKEN is for one workspace and SLACK_CLIENT_ID for several, and both are set.');
  }
  if (botToken === undefined && clientId === undefined) return undefined;
  return {
    ...(botToken === undefined ? {} : { botToken }),
    ...(clientId === undefined || clientSecret === undefined ? {} : { oauth: { clientId, clientSecret } }),
    ...(env.SLACK_APP_TOKEN ? { appToken: env.SLACK_APP_TOKEN } : {}),
    ...(env.SLACK_SIGNING_SECRET ? { signingSecret: env.SLACK_SIGNING_SECRET } : {}),
    ...(env.SLACK_API_URL ? { apiUrl: env.SLACK_API_URL } : {}),
  };
}

function slackEnvironment(message: string): EcolinkError {
  return fail('bad_environment', message, { nextStep: 'docs/slack.md says which go together.' });
}

/**
 * The quickstart's own corner of the data folder, and an environment that makes every program use it: it can be deleted
 * without harm to anything else.
 */
export function quickstartEnvironment(endpoint: string, environment: Environment = process.env) {
  const dataDir = join(loadConfig(environment).dataDir, 'quickstart');
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    dataDir,
    environment: {
      ...Object.fromEntries(kept),
      ECOLINK_DATA_DIR: dataDir,
      ECOLINK_CONFIG: join(dataDir, 'ecolink.yaml'),
      ECOLINK_URL: '',
      HF_ENDPOINT: endpoint,
      DATABASE_URL: '',
    },
  };
}

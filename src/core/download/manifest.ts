import { z } from 'zod';
import { pullFile } from '../base/pull-file.ts';

/** The files to download. It is made once, with the plan, so that every region downloads the same files. */
export const pullManifest = z.strictObject({
  version: z.literal(1),
  /** The Hub's base URL, without a trailing slash. */
  endpoint: z.string(),
  repo: z.string(),
  /** 40 hex digits. Never a branch, because a branch moves. */
  commit: z.hex().length(40),
  files: z.array(pullFile).min(1),
});
export type PullManifest = z.infer<typeof pullManifest>;

/** The folder of a volume for files that do not belong to the model. */
export const stateFolder = '.ecolink';
/** Written last, by rename. A volume without it is incomplete: it is never mounted or reused. */
export const completionFile = `${stateFolder}/complete.json`;

export const completionManifest = pullManifest.extend({ bytes: z.int().nonnegative(), completed_at: z.string() });
export type CompletionManifest = z.infer<typeof completionManifest>;

/** One line of JSON each on the standard output of `ecolink pull`. At most one progress line per second. */
export const pullEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** Bytes of all files in the manifest that are received or durable, including those of earlier runs. */
    done: z.number(),
    total: z.number(),
    /** Bytes per second, as a moving average. */
    rate: z.number(),
    /** Null if the rate is unknown or 0. */
    seconds_left: z.number().nullable(),
  }),
  z.object({
    type: z.literal('done'),
    bytes: z.number(),
    /** Bytes that this run received from the network. 0 if the volume was complete already. */
    fetched: z.number(),
  }),
  z.object({
    type: z.literal('failed'),
    code: z.string(),
    message: z.string(),
    retryable: z.boolean(),
    /** For `no_space`: bytes that the volume lacks. */
    missing_bytes: z.number().optional(),
  }),
]);
export type PullEvent = z.infer<typeof pullEvent>;

/** The exit status of `ecolink pull` for each code. The caller should start it again if the failure is retryable. */
export const pullFailures = {
  unexpected: { status: 1, retryable: true },
  bad_manifest: { status: 2, retryable: false },
  hub_unreachable: { status: 10, retryable: true },
  rate_limited: { status: 11, retryable: true },
  stalled: { status: 12, retryable: true },
  checksum_mismatch: { status: 13, retryable: false },
  hub_protocol: { status: 14, retryable: true },
  gated_repo: { status: 20, retryable: false },
  token_refused: { status: 21, retryable: false },
  repo_not_found: { status: 22, retryable: false },
  revision_not_found: { status: 23, retryable: false },
  file_not_found: { status: 24, retryable: false },
  repo_disabled: { status: 25, retryable: false },
  gated_not_requested: { status: 26, retryable: false },
  gated_awaiting_review: { status: 27, retryable: false },
  gated_rejected: { status: 28, retryable: false },
  token_scope: { status: 29, retryable: false },
  no_space: { status: 30, retryable: false },
  not_writable: { status: 31, retryable: false },
  superseded: { status: 32, retryable: false },
  access_refused: { status: 33, retryable: false },
  certificate_not_trusted: { status: 34, retryable: false },
  /** SIGTERM or SIGINT ended it in good order. */
  stopped: { status: 143, retryable: true },
} as const;
export type PullFailureCode = keyof typeof pullFailures;

/** One download or start of the past. */
export interface PastDuration {
  /** Bytes that were fetched, or that the engine loaded. */
  bytes: number;
  ms: number;
}

/** What happened in a region before. */
export interface PastDurations {
  downloads: readonly PastDuration[];
  /** By the name of the runtime. */
  starts: ReadonlyMap<string, readonly PastDuration[]>;
}

/** The launch to estimate. */
export interface TimedLaunch {
  runtime: string;
  /** Of the weights. */
  bytes: number;
  /** Bytes that are not there yet. */
  toFetch: number;
  /** Bytes that are read from other volumes of the region. */
  shared?: number | undefined;
}

export interface TimeEstimate {
  /** Half of the launches take no longer. */
  seconds: number;
  /** Nine of ten launches take no longer. */
  secondsP90: number;
  /** `history`: from what this installation has seen. `assumed`: from constants, at least in part. */
  basis: 'history' | 'assumed';
}

/** Fewer tell nothing about the next one. */
const fewest = 3;
/** The nearest in size count. */
const most = 20;
/** A start of another size than this factor says nothing about this one. */
const comparable = 4;

/** Assumed speeds in bytes per second: of a download over the internet, and of an engine that loads weights from a disk. */
const assumedDownload = 50e6;
const assumedLoad = 500e6;
const engineStartSeconds = 3;

/** The time until a launch is ready. */
export function estimateTime({ runtime, bytes, toFetch, shared = 0 }: TimedLaunch, past: PastDurations): TimeEstimate {
  const download =
    toFetch === 0 ? nothing : (downloadFrom(past.downloads, toFetch) ?? assumed(toFetch / assumedDownload));
  const reading = shared / assumedLoad;
  const start = startFrom(past.starts.get(runtime) ?? [], bytes) ?? assumed(bytes / assumedLoad + engineStartSeconds);
  return {
    seconds: Math.ceil(download.seconds + reading + start.seconds),
    secondsP90: Math.ceil(download.secondsP90 + reading + start.secondsP90),
    basis: reading === 0 && download.basis === 'history' && start.basis === 'history' ? 'history' : 'assumed',
  };
}

const nothing: TimeEstimate = { seconds: 0, secondsP90: 0, basis: 'history' };

function assumed(seconds: number): TimeEstimate {
  return { seconds, secondsP90: seconds, basis: 'assumed' };
}

/** Downloads of any size count, by their speed. */
function downloadFrom(past: readonly PastDuration[], bytes: number): TimeEstimate | undefined {
  const near = nearest(
    past.filter((each) => each.bytes > 0),
    bytes,
  );
  return near.length < fewest ? undefined : fromQuantiles(near.map((each) => (each.ms * bytes) / each.bytes));
}

/** An engine's start has fixed parts, so only starts of about the same size count. */
function startFrom(past: readonly PastDuration[], bytes: number): TimeEstimate | undefined {
  const near = nearest(
    past.filter((each) => distance(each, bytes) <= Math.log(comparable)),
    bytes,
  );
  return near.length < fewest ? undefined : fromQuantiles(near.map(({ ms }) => ms));
}

function nearest(past: readonly PastDuration[], bytes: number): PastDuration[] {
  return past.toSorted((a, b) => distance(a, bytes) - distance(b, bytes)).slice(0, most);
}

function distance(each: PastDuration, bytes: number): number {
  return Math.abs(Math.log(Math.max(1, each.bytes) / Math.max(1, bytes)));
}

function fromQuantiles(values: readonly number[]): TimeEstimate {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0) / 1000;
  return { seconds: at(0.5), secondsP90: at(0.9), basis: 'history' };
}

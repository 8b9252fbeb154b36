/** What a bench gives back: figures by name, each with its unit in the name, and ratios where it compares. */
export interface BenchResult {
  bench: string;
  machine: string;
  figures: Record<string, number>;
  ratios?: Record<string, number>;
}

export interface BenchOptions {
  /** Under a minute, with smaller sizes: to see that it works, not to quote. */
  quick: boolean;
  json: boolean;
  /** Only the parts whose name holds this; empty for all. Benches of one part take no notice. */
  only: string;
}

/** The result of a bench: figures by name, with the unit in the name, and ratios if it compares. */
export interface BenchResult {
  bench: string;
  machine: string;
  figures: Record<string, number>;
  ratios?: Record<string, number>;
}

export interface BenchOptions {
  /** Runs under a minute with smaller sizes. It shows that the bench works; do not quote its figures. */
  quick: boolean;
  json: boolean;
  /** Runs only parts whose name contains this. Empty: all parts. Benches with one part ignore it. */
  only: string;
}

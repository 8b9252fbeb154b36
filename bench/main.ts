import { parseArgs } from 'node:util';

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
}

type Bench = { run(options: BenchOptions): Promise<unknown> };

const benches: Record<string, () => Promise<Bench>> = {
  listing: () => import('./listing.ts'),
  download: () => import('./download.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});
const load = benches[positionals[0] ?? ''];
if (!load) {
  process.stderr.write(
    `Usage: npm run bench -- <name> [--quick] [--json]\nNames: ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(2);
}
await (await load()).run(values);

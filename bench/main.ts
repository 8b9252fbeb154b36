import { parseArgs } from 'node:util';
import type { BenchOptions } from './bench.ts';

type Bench = { run(options: BenchOptions): Promise<unknown> };

const benches: Record<string, () => Promise<Bench>> = {
  listing: () => import('./listing.ts'),
  download: () => import('./download.ts'),
  kubernetes: () => import('./kubernetes.ts'),
  gateway: () => import('./gateway.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const load = benches[positionals[0] ?? ''];
if (!load) {
  process.stderr.write(
    `Usage: npm run bench -- <name> [--quick] [--json] [--only <part>]\nNames: ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(2);
}
await (await load()).run(values);

import { loadConfig } from '../core/config/load.ts';
import { openStore } from '../core/store/store.ts';
import type { Terminal } from './output/terminal.ts';

/** Opening the store is what brings its schema up to date. */
export async function migrate(terminal: Terminal): Promise<void> {
  const config = loadConfig();
  await using store = await openStore(config);
  await store.ping();
  const where = store.flavour === 'sqlite' ? config.dataDir : 'the database of DATABASE_URL';
  terminal.out(`The store (${store.flavour === 'sqlite' ? 'SQLite' : 'PostgreSQL'}) in ${where} is up to date.`);
}

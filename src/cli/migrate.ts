import { loadConfig } from '../core/config/load.ts';
import { migrateStore } from '../core/doctor.ts';
import type { Terminal } from './output/terminal.ts';

export async function migrate(terminal: Terminal): Promise<void> {
  const config = loadConfig();
  const store =
    (await migrateStore(config)) === 'sqlite'
      ? `The store (SQLite) in ${config.dataDir}`
      : 'The store (PostgreSQL) in the database of DATABASE_URL';
  terminal.out(`${store} is up to date.`);
}

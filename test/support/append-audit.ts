import { runScript, sourceOf } from './run-script.ts';

/** A process of its own that appends pairs of audit rows to a store, as fast as it can. `open` is the text of a call that opens it. */
export function appendInProcess(open: string, rows: number): Promise<{ code: number | null; output: string }> {
  return runScript(`
    const { openStore } = await import(${sourceOf('core/store/store.ts')});
    const { createAuditLog } = await import(${sourceOf('core/audit/audit.ts')});
    const { HeadFile } = await import(${sourceOf('core/audit/head-file.ts')});
    const store = await openStore(${open});
    const { systemClock } = await import(${sourceOf('core/base/clock.ts')});
    const heads = new HeadFile('/dev/null', systemClock);
    const audit = createAuditLog({ store, key: Buffer.alloc(32, 7), heads, now: () => new Date() });
    const person = { id: 'per_1', name: 'ada', role: 'admin' };
    const caller = { person, identity: 'local', agent: false, mayDecide: true, source: 'cli', scopes: [] };
    for (let index = 0; index < ${rows / 2}; index++) {
      const opened = await audit.open(caller, 'launch_instance', '{}', \`req_\${process.pid}_\${index}\`);
      await audit.close(opened, caller, 'launch_instance', 'req', { outcome: 'done', durationMs: 1 });
    }
    await store[Symbol.asyncDispose]();
  `);
}

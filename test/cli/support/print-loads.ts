import { registerHooks } from 'node:module';

/** Given to node with `--import`: names on standard error every module that is loaded. */
registerHooks({
  load(url, context, next) {
    process.stderr.write(`load ${url}\n`);
    return next(url, context);
  },
});

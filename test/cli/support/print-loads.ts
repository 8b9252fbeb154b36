import { registerHooks } from 'node:module';

/** For node's `--import`: prints every module that is loaded, on standard error. */
registerHooks({
  load(url, context, next) {
    process.stderr.write(`load ${url}\n`);
    return next(url, context);
  },
});

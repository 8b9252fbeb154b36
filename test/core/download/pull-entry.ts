import { pullCommand } from '../../../src/core/download/command.ts';

process.exitCode = await pullCommand(process.argv.slice(2));

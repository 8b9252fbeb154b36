import { pullCommand } from '../../download/command.ts';

/** Runs `ecolink pull` without the rest of the program. The local region starts it for each download. */
process.exitCode = await pullCommand(process.argv.slice(2));

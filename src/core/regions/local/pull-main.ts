import { pullCommand } from '../../download/command.ts';

/**
 * Runs `ecolink pull` without the rest of the program. The local region starts it for each download. Weights are no secret
 * inside the closed data folder, and engines may run as other users.
 */
process.umask(0o022);
process.exitCode = await pullCommand(process.argv.slice(2));

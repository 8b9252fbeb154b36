import { pullCommand } from '../../download/command.ts';

/** `ecolink pull` without the rest of the program: what the local region runs as its downloader. */
process.exitCode = await pullCommand(process.argv.slice(2));

import { commandName, program } from './names.ts';
import { shortWords } from './short-words.ts';

/** What `ecolink --help` says below the list of commands. */
export function rootHelp(): string {
  return `
A first run:
  ${program} serve                                        (leave it running)
  ${program} check-model --repo Qwen/Qwen2.5-0.5B-Instruct-GGUF
  ${program} register-model qwen-small --repo Qwen/Qwen2.5-0.5B-Instruct-GGUF --category chat
  ${program} launch-instance qwen-small --wait
  ${program} token create my-app --scope call             (for OpenAI clients: base URL http://127.0.0.1:7420/v1)

Short words:
${shortWordLines()}

Which server is used:
  The one that --server names. Else the one in ECOLINK_URL and ECOLINK_TOKEN. Else the one that ECOLINK_SERVER names,
  or that you logged in to ("login", "use-server"). Else the server that runs on the data folder (~/.ecolink, or
  ECOLINK_DATA_DIR). If none runs, registry commands work on the data folder by themselves. Other commands say how
  to start one. --verbose says which server was called, and how long it took.

Output: tables and sentences for people. With --json, standard output has the output as JSON and nothing else.
Errors go to standard error, with --json as {"error": {…}}.

Exit status:
  0 done   1 unexpected   2 bad input   3 not found   4 refused   5 conflict   6 unavailable (try again)
  7 denied or expired

"${program} <command> --help" explains a command, with examples. "${program} completion bash" (zsh, fish)
completes commands, flags and the names of your models, instances and regions.`;
}

function shortWordLines(): string {
  const pairs = Object.entries(shortWords).map(([word, operation]) => `${word} = ${commandName(operation)}`);
  const rows = pairs.flatMap((pair, index) =>
    index % 3 === 0
      ? [
          `  ${[pair, ...pairs.slice(index + 1, index + 3)]
            .map((each) => each.padEnd(28))
            .join(' ')
            .trimEnd()}`,
        ]
      : [],
  );
  return rows.join('\n');
}

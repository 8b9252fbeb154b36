/** What `ecolink --help` says below the list of commands. */
export function rootHelp(): string {
  return `
A first run:
  ecolink serve                                           (or npm start; leave it running)
  ecolink check-model --repo Qwen/Qwen2.5-0.5B-Instruct-GGUF
  ecolink register-model qwen-small --repo Qwen/Qwen2.5-0.5B-Instruct-GGUF --category chat
  ecolink launch-instance qwen-small --wait
  ecolink token create my-app --scope call                (for OpenAI clients: base URL http://127.0.0.1:7420/v1)

Where the server is looked for:
  ECOLINK_URL and ECOLINK_TOKEN, where set; else the server that runs on the data folder (~/.ecolink, or
  ECOLINK_DATA_DIR). Where none runs, registry commands work on the data folder by themselves; the others say
  how to start one.

Output: tables and sentences for people; --json for scripts, on standard output and alone there. Errors go to
standard error, with --json as {"error": {…}}.

Exit status:
  0 done   1 unexpected   2 bad input   3 not found   4 refused   5 conflict   6 unavailable (try again)
  7 denied or expired

"ecolink <command> --help" explains a command, with examples. "ecolink completion bash" (zsh, fish) completes
commands, flags and the names of your models, instances and regions.`;
}

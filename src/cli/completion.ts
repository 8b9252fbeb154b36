import { fail } from '../core/base/errors.ts';
import { nearest } from '../core/base/nearest.ts';
import type { Terminal } from './output/terminal.ts';

/**
 * Each script runs the hidden command `__complete` with the words up to the cursor, the current one included. It prints
 * a line `value<tab>description` for each candidate.
 */
const scripts: Record<string, string> = {
  // COMP_WORDS splits at "=" and ":", which occur in the words of this program. So the line is split at blanks.
  bash: `# ecolink completion for bash
_ecolink() {
  local line=\${COMP_LINE:0:COMP_POINT} candidate
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local current=\${words[\${#words[@]}-1]} prefix=
  [[ $current == *[=:]* ]] && prefix=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    [[ -n $candidate ]] && COMPREPLY+=("\${candidate#"$prefix"}")
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _ecolink ecolink
`,
  zsh: `#compdef ecolink
# ecolink completion for zsh
_ecolink() {
  local -a candidates
  local value about
  while IFS=$'\\t' read -r value about; do
    [[ -n $value ]] && candidates+=("\${value//:/\\\\:}:$about")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe ecolink candidates; else _files; fi
}
if [[ $funcstack[1] == _ecolink ]]; then _ecolink "$@"; else compdef _ecolink ecolink; fi
`,
  fish: `# ecolink completion for fish
function __ecolink_complete
  set -l words (commandline -opc)
  set -e words[1]
  set -l current (commandline -ct)
  ecolink __complete $words "$current" 2>/dev/null
end
complete -c ecolink -f -a '(__ecolink_complete)'
`,
};

export function completion(shell: string, terminal: Pick<Terminal, 'out'>): void {
  const script = scripts[shell];
  if (script !== undefined) return terminal.out(script.trimEnd());
  const shells = Object.keys(scripts);
  const near = nearest(shell, shells);
  throw fail('unknown_shell', `There is no completion for "${shell}".${near ? ` Did you mean ${near}?` : ''}`, {
    nextStep: `Use one of: ${shells.join(', ')}.`,
    validValues: shells,
  });
}

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Counts the type assertions in src/. A higher count than in ratchet.json fails. `--update` stores a lower count.
const file = new URL('ratchet.json', import.meta.url);
const kept = JSON.parse(readFileSync(file, 'utf8'));
const config = fileURLToPath(new URL('assertions.json', import.meta.url));
const args = ['--config', config, '--format', 'json', 'src'];

function findings() {
  try {
    return execFileSync('oxlint', args, { encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
  } catch (thrown) {
    return thrown.stdout;
  }
}

const found = JSON.parse(findings()).diagnostics.filter(({ code }) => code.includes('assertion'));
const count = found.length;
if (count > kept.assertions) {
  for (const { filename, labels } of found) process.stderr.write(`${filename}:${labels[0]?.span.line ?? 0}\n`);
  process.stderr.write(`${count} assertions in src/, ${kept.assertions} are allowed: validate or narrow instead.\n`);
  process.exitCode = 1;
} else if (count < kept.assertions) {
  if (process.argv.includes('--update'))
    writeFileSync(file, `${JSON.stringify({ ...kept, assertions: count }, undefined, 2)}\n`);
  else {
    process.stderr.write(
      `${count} assertions in src/, ${kept.assertions} are written down: node scripts/lint/ratchet.js --update\n`,
    );
    process.exitCode = 1;
  }
}

// image-config.mjs DOCKERFILE: prints the image settings of the Dockerfile's last stage, as the JSON of image archives.
// Commands must be lists in the Dockerfile.
import { readFileSync } from 'node:fs';

const config = { Env: ['PATH=/usr/local/bin:/bin'] };
const lines = readFileSync(process.argv[2], 'utf8').split('\n');
const last = lines.findLastIndex((line) => line.startsWith('FROM '));
for (const line of lines.slice(last)) {
  const [, word, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
  if (word === 'ENV') config.Env.push(...rest.split(' '));
  if (word === 'USER') config.User = rest;
  if (word === 'WORKDIR') config.WorkingDir = rest;
  if (word === 'ENTRYPOINT') config.Entrypoint = JSON.parse(rest);
  if (word === 'CMD') config.Cmd = JSON.parse(rest);
}
console.log(JSON.stringify(config));

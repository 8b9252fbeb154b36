// image-config.mjs DOCKERFILE: what the last stage of a Dockerfile says of its image, as the JSON that image archives hold. Commands are lists there.
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

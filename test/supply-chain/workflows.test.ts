import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const folder = new URL('../../.github/workflows/', import.meta.url);
const Permissions = z.record(z.string(), z.enum(['read', 'write', 'none']));
const Step = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const Workflow = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: Permissions,
  jobs: z.record(
    z.string(),
    z.looseObject({ permissions: Permissions.optional(), 'timeout-minutes': z.number(), steps: z.array(Step) }),
  ),
});

const files = readdirSync(folder);

test('the workflows are those of the checks and the release', () => {
  expect(files.toSorted()).toEqual(['ci.yml', 'release.yml']);
});

test.each(files)('%s takes actions by commit and has the least rights', (file) => {
  const workflow = Workflow.parse(parse(readFileSync(new URL(file, folder), 'utf8')));
  expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
  for (const job of Object.values(workflow.jobs)) {
    for (const step of job.steps) {
      if (step.uses === undefined) continue;
      expect(step.uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      // The token of a checkout would stay readable for everything that runs later.
      if (step.uses.startsWith('actions/checkout@')) expect(step.with).toMatchObject({ 'persist-credentials': false });
    }
  }
});

test('only a release may sign, and only its image job may write', () => {
  const rights = (file: string) => {
    const workflow = Workflow.parse(parse(readFileSync(new URL(file, folder), 'utf8')));
    return Object.fromEntries(
      Object.entries(workflow.jobs).map(([name, job]) => [name, { ...workflow.permissions, ...job.permissions }]),
    );
  };
  expect(rights('ci.yml')).toEqual({ check: { contents: 'read' }, install: { contents: 'read' } });
  expect(rights('release.yml')).toEqual({
    package: { contents: 'read', 'id-token': 'write' },
    image: { contents: 'read', packages: 'write', 'id-token': 'write' },
  });
});

test('the release publishes with provenance, and signs what it pushed', () => {
  const text = readFileSync(new URL('release.yml', folder), 'utf8');
  expect(text).toContain('npm publish --provenance');
  expect(text).toContain('cosign sign --yes "$image"');
  expect(text).toContain('cosign attest --yes --type cyclonedx --predicate image.cdx.json "$image"');
  expect(text).not.toContain('secrets.');
});

test('the image starts from bases that are named by their digest', () => {
  const text = readFileSync(new URL('../../deploy/Dockerfile', import.meta.url), 'utf8');
  const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  expect(bases.length).toBe(2);
  for (const base of bases) expect(base).toMatch(/^node:24\.\d+\.\d+-slim@sha256:[0-9a-f]{64}$/);
  expect(new Set(bases).size).toBe(1);
});

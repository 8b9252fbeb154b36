import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { Caller, Role } from '../../../src/core/base/caller.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { plainWords } from '../../../src/core/base/prose.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import type { ModelFolder } from '../../support/model-folder.ts';

let folder: ModelFolder;
const config = (bob?: Role): string => `${folder.config}
people:
  - {name: Ada, role: admin, identities: [local]}
  - {name: Grace, role: admin, identities: ["slack:T1/UGRACE"]}
${bob === undefined ? '' : `  - {name: Bob, role: ${bob}, identities: ["slack:T1/UBOB"]}`}
`;

let place: TestCore;
let bob: Caller;
beforeEach(async () => {
  folder = await modelFolder();
  place = await startCore({ reconcile: false, config: config('member') });
  const person = (await place.core.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
  const { token } = await place.core.access.createToken(person, 'bob', ['operate']);
  bob = (await place.core.access.callerOfToken(token, 'http')) ?? expect.fail('The token is good');
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const change = (text: string): Promise<void> => writeFile(join(place.dataDir, 'ecolink.yaml'), text);
const refusal = async (
  operation: string,
  caller: Caller,
): Promise<{ code: string; message: string; nextStep: string }> =>
  place.run(operation, {}, caller).then(
    () => expect.fail('It was let in'),
    (thrown: unknown) => {
      if (!(thrown instanceof EcolinkError)) throw thrown;
      return { code: thrown.code, message: thrown.message, nextStep: plainWords(thrown.nextStep) };
    },
  );

test('a refusal names the missing role and everybody who can give it', async () => {
  const { code, message, nextStep } = await refusal('list_audit', bob);
  expect(code).toBe('role_missing');
  expect(message).toBe('list_audit needs the role "approver". Bob has the role "member".');
  expect(nextStep).toContain('Ask Ada or Grace for the role');
});

test('somebody who loses a role after a call began is refused by their present role', async () => {
  await change(config('viewer'));
  expect(await refusal('register_model', bob)).toMatchObject({ code: 'role_missing' });
  expect(await place.run('list_models', {}, bob)).toMatchObject({ items: [] });
  await change(config());
  expect(await refusal('list_models', bob)).toMatchObject({ code: 'no_role' });
  expect((await refusal('list_models', bob)).nextStep).toContain('Ask Ada or Grace for a role');
});

test('the present role decides what somebody sees, not the role when the call began', async () => {
  await place.run('register_model', { ...tiny, private: true });
  const names = async (caller: Caller) => {
    const { items } = z
      .object({ items: z.array(z.object({ name: z.string() })) })
      .parse(await place.run('list_models', {}, caller));
    return items.map(({ name }) => name);
  };
  const formerAdmin: Caller = { ...bob, person: { ...bob.person, role: 'admin' } };
  expect(await names(place.local)).toEqual(['tiny']);
  expect(await names(formerAdmin)).toEqual([]);
  await expect(place.run('delete_model', { model: 'tiny' }, formerAdmin)).rejects.toMatchObject({
    code: 'model_not_found',
  });
});

test('a new role counts at once', async () => {
  await change(config('admin'));
  expect(await place.run('list_audit', {}, bob)).toHaveProperty('items');
});

test('the refusal of an operation that a front end does not offer names the front ends that do', async () => {
  const { code, nextStep } = await refusal('verify_audit', { ...place.local, source: 'mcp' });
  expect([code, nextStep]).toEqual(['not_offered_here', 'Use one of these: cli.']);
});

import { describe, expect, test } from 'vitest';
import {
  mayNeedAnotherToken,
  readRefusal,
  readWhoAnswer,
  refusalCodes,
  type HubRefusal,
} from '../../../src/core/hub/read-refusal.ts';

const repo = 'acme/disabled-rejected-awaiting-fine-grained';

/** The sentences are those of the Hub. */
const said = {
  login: `Access to model ${repo} is restricted. You must have access to it and be authenticated to access it. Please log in.`,
  notListed: `Access to model ${repo} is restricted and you are not in the authorized list. Visit https://hub/${repo} to ask for access.`,
  awaiting: `Your request to access model ${repo} is awaiting a review from the repo authors.`,
  rejected: `Your request to access model ${repo} has been rejected by the repo's authors.`,
  scope:
    'Please enable access to public gated repositories in your fine-grained token settings to view this repository.',
  disabled: 'Access to this resource is disabled.',
  badToken: 'Invalid credentials in Authorization header',
  noUser: 'Invalid username or password.',
  aboutTheName: `You may not read ${repo}.`,
};

type Row = [status: number, code: string | undefined, message: string | undefined, without: string, with_: string];

const nothing = 'undefined';

test.each<Row>([
  [401, 'GatedRepo', said.login, 'gated_repo', 'gated_not_requested'],
  [403, 'GatedRepo', said.notListed, 'gated_repo', 'gated_not_requested'],
  [403, 'GatedRepo', said.awaiting, 'gated_repo', 'gated_awaiting_review'],
  [403, 'GatedRepo', said.rejected, 'gated_repo', 'gated_rejected'],
  [403, 'GatedRepo', said.scope, 'gated_repo', 'token_scope'],
  [403, 'GatedRepo', undefined, 'gated_repo', 'gated_not_requested'],
  [401, undefined, said.noUser, 'repo_not_found', 'ask_who'],
  [401, undefined, undefined, 'repo_not_found', 'ask_who'],
  [401, undefined, said.badToken, 'repo_not_found', 'token_refused'],
  [401, 'RepoNotFound', undefined, 'repo_not_found', 'ask_who'],
  [404, 'RepoNotFound', 'Repository not found', 'repo_not_found', 'repo_not_found'],
  [404, 'RevisionNotFound', 'Invalid rev id: v9', 'revision_not_found', 'revision_not_found'],
  [404, 'EntryNotFound', 'Entry not found', 'file_not_found', 'file_not_found'],
  [403, undefined, said.disabled, 'repo_disabled', 'repo_disabled'],
  [403, 'DisabledRepo', undefined, 'repo_disabled', 'repo_disabled'],
  [451, undefined, undefined, 'repo_disabled', 'repo_disabled'],
  [403, undefined, said.aboutTheName, 'access_refused', 'token_scope'],
  [403, undefined, undefined, 'access_refused', 'token_scope'],
  [403, 'SomethingNew', undefined, 'access_refused', 'token_scope'],
  [400, undefined, undefined, nothing, nothing],
  [408, undefined, undefined, nothing, nothing],
  [416, undefined, undefined, nothing, nothing],
  [429, 'GatedRepo', undefined, nothing, nothing],
  [500, 'RepoNotFound', undefined, nothing, nothing],
  [503, undefined, said.disabled, nothing, nothing],
])('%i %s "%s" without a token is %s, and with one %s', (status, errorCode, errorMessage, without, withOne) => {
  const refusal: Omit<HubRefusal, 'withToken' | 'asked'> = { status, errorCode, errorMessage, repo };
  for (const asked of ['repo', 'file'] as const) {
    expect(String(readRefusal({ ...refusal, asked, withToken: false }))).toBe(without);
    expect(String(readRefusal({ ...refusal, asked, withToken: true }))).toBe(withOne);
  }
});

describe('what a code is not needed for', () => {
  test.each([404, 410])('a %i is about what was asked for', (status) => {
    const refusal = { status, errorCode: undefined, errorMessage: undefined, withToken: false, repo };
    expect(readRefusal({ ...refusal, asked: 'repo' })).toBe('repo_not_found');
    expect(readRefusal({ ...refusal, asked: 'file' })).toBe('file_not_found');
  });

  test.each([
    [200, 'repo_not_found'],
    [401, 'token_refused'],
    [403, 'repo_not_found'],
    [404, 'repo_not_found'],
    [408, undefined],
    [429, undefined],
    [500, undefined],
    [503, undefined],
  ])('whoami that answers %i means %s', (status, code) => {
    expect(readWhoAnswer(status)).toBe(code);
  });
});

test('another token helps against all but what is gone for everybody', () => {
  const others = refusalCodes.filter((code) => !mayNeedAnotherToken(code));
  expect(others).toEqual(['revision_not_found', 'file_not_found', 'repo_disabled']);
  expect(mayNeedAnotherToken('hub_unreachable')).toBe(false);
});

import { expect, test } from 'vitest';
import { redact } from '../../../src/core/base/secret-shapes.ts';
import { capturedLog } from '../../support/captured-log.ts';

test.each([
  ['hf_AbCdEfGhIjKl', '[redacted]'],
  ['Bearer eco_local_Ab-Cd_Ef', 'Bearer [redacted]'],
  ['xoxb-12345678-abc and xapp-1-A123-456', '[redacted] and [redacted]'],
  ['GET https://cdn.example/a/b?Signature=abc&Expires=1 failed', 'GET https://cdn.example/a/b?[redacted] failed'],
  ['http://127.0.0.1:7420/v1 and hf_short stay', 'http://127.0.0.1:7420/v1 and hf_short stay'],
])('%s is written as %s', (text, expected) => {
  expect(redact(text)).toBe(expected);
});

test('a line is one object of JSON, whatever is in it, and nothing secret leaves in a field, a message or an error', () => {
  const { log, text, lines } = capturedLog();
  const cause = new Error('token hf_AbCdEfGhIjKl\nrefused');
  log
    .child({ url: 'https://x.example/y?sig=1' })
    .error({ err: new Error('outer', { cause }) }, 'line\nbreak eco_AbCdEfGhIjKl');
  expect(text().trimEnd().split('\n')).toHaveLength(1);
  expect(lines()).toMatchObject([
    {
      url: 'https://x.example/y?[redacted]',
      msg: 'line\nbreak [redacted]',
      time: expect.stringMatching(/Z$/),
    },
  ]);
  expect(text()).not.toMatch(/AbCdEf|sig=1/);
  expect(text()).toContain('refused');
});

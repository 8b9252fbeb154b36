import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hideSecrets, looksLikeToken, redact, withoutCredentials } from '../../../src/core/base/secret-shapes.ts';
import { parseInput } from '../../../src/core/operation/parse-input.ts';
import { fail } from '../../../src/core/base/errors.ts';
import { say, run as runs } from '../../../src/core/base/prose.ts';
import { getModel } from '../../../src/core/operations/get-model.ts';
import { capturedLog } from '../../support/captured-log.ts';

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Random characters, each as likely as the others. */
function random(length: number, alphabet = lettersAndDigits): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}

function jwt(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signature = randomBytes(32).toString('base64url');
  return `${part({ alg: 'RS256', kid: random(8) })}.${part({ sub: random(12), exp: 1_900_000_000 })}.${signature}`;
}

/** Tokens as their makers write them. */
const kinds: Record<string, () => string> = {
  'Hugging Face': () => `hf_${random(34, lettersAndDigits.slice(0, 52))}`,
  'Hugging Face OAuth': () => `hf_oauth_${jwt()}`,
  'Hugging Face organisation': () => `api_org_${random(34, lettersAndDigits.slice(0, 52))}`,
  EcoLink: () => `eco_${randomBytes(32).toString('base64url')}`,
  'EcoLink on this machine': () => `eco_local_${randomBytes(32).toString('base64url')}`,
  'Slack bot': () => `xoxb-${random(12, '0123456789')}-${random(13, '0123456789')}-${random(24)}`,
  'Slack app': () => `xapp-1-A${random(10)}-${random(13, '0123456789')}-${randomBytes(32).toString('hex')}`,
  'GitHub classic': () => `ghp_${random(36)}`,
  'GitHub fine-grained': () => `github_pat_${random(22)}_${random(59)}`,
  'GitHub installation': () => `ghs_${random(7, '0123456789')}_${jwt()}`,
  GitLab: () => `glpat-${randomBytes(15).toString('base64url')}`,
  'OpenAI project': () => `sk-proj-${randomBytes(96).toString('base64url')}`,
  'OpenAI legacy': () => `sk-${random(48)}`,
  'hexadecimal sk-': () => `sk-${randomBytes(16).toString('hex')}`,
  Anthropic: () => `sk-ant-api03-${randomBytes(70).toString('base64url')}`,
  AWS: () => `AKIA${random(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
  'JSON web token': jwt,
};

/** Every way to stand in a text. */
const places: Record<string, (token: string) => string> = {
  alone: (token) => token,
  'after a header word': (token) => `authorization: Bearer ${token}`,
  'in quotes': (token) => `{"token":"${token}"}`,
  'in a query': (token) => `a=${token}&b=1`,
  'in an address': (token) => `https://user:${token}@example.com/x`,
  'after a new line': (token) => `first\n${token}\nlast`,
  'after a tab': (token) => `first\t${token}`,
  'after a control character': (token) => `first\u0001${token}`,
  'after a percent sequence': (token) => `x%3D${token}%20y`,
  'after a letter that is no ASCII': (token) => `ä${token}ß`,
  'before a full stop': (token) => `It was ${token}.`,
};

/** True if an operation refuses the text as the value of a field. */
function refused(text: string): boolean {
  try {
    parseInput(getModel, { model: text });
    return false;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'token_in_input';
  }
}

/** What a log writes for the text, in a message and inside an error. */
function logged(text: string): string {
  const { log, text: written } = capturedLog();
  log.error({ err: new Error(text, { cause: new Error(JSON.stringify({ text })) }) }, text);
  return written();
}

/** Parts of a token that would help somebody who reads them. */
function pieces(token: string): string[] {
  return token.split(/[^A-Za-z0-9]/).filter((piece) => piece.length >= 12);
}

describe.each(Object.entries(kinds))('a token of the kind %s', (_kind, make) => {
  test.each(Object.entries(places))('is refused and redacted %s', (_place, put) => {
    for (let round = 0; round < 5; round++) {
      const token = make();
      const text = put(token);
      expect({ token, refused: refused(text) }).toEqual({ token, refused: true });
      const written = logged(text);
      for (const piece of pieces(token)) expect({ token, written }).not.toEqual({ token, written: includes(piece) });
      expect(redact(redact(text))).toBe(redact(text));
    }
  });

  test('is refused and redacted in a list, and as the name of a field', () => {
    const token = make();
    for (const input of [{ model: [['x', token]] }, { [token]: 'x' }]) {
      expect(() => parseInput(getModel, input)).toThrow('contains the value of a token');
    }
  });
});

function includes(piece: string): unknown {
  return expect.stringContaining(piece);
}

test('what input refuses and what logs redact are the same texts, however a token is cut', () => {
  for (let round = 0; round < 300; round++) {
    for (const make of Object.values(kinds)) {
      const token = make();
      const text = `${random(round % 3)}${['', ' ', '\n', '_', '-', '"', '\\', 'n'][round % 8]}${token.slice(0, round % (token.length + 1))}`;
      const redacted = redact(text) !== text;
      expect({ text, refused: looksLikeToken(text), inJson: looksLikeToken(JSON.stringify(text)) }).toEqual({
        text,
        refused: redacted,
        inJson: redacted,
      });
      expect(looksLikeToken(redact(text))).toBe(false);
    }
  }
});

test.each([
  ['hf_AbCdEfG', false],
  ['hf_AbCdEfGh', true],
  ['hf_abcdefgh', false],
  ['hf_20240131', false],
  [`hf_${'a'.repeat(29)}`, false],
  [`hf_${'a'.repeat(30)}`, true],
  [`\u001b[32mhf_${'Ab1'.repeat(10)}`, true],
  ['xhf_AbCdEfGh', false],
  ['\nhf_AbCdEfGh', true],
  ['%0Ahf_AbCdEfGh', true],
  [String.raw`\u000bhf_AbCdEfGh`, true],
  ['eco_AbC1eFg', false],
  ['eco_AbC1eFgh', true],
  ['xoxb-1234567', false],
  ['xoxb-12345678', true],
  ['ghp_AbCdEfGh', true],
  ['glpat-AbCdEfGh', true],
  ['sk-AbCdEfGhIjKlMnO', false],
  ['sk-AbCdEfGhIjKlMnOp', true],
  ['sk-proj-AbCdEfGh', true],
  ['AKIAABCDEFG', false],
  ['AKIAABCDEFGH', true],
  ['AKIAABCDEFGHi', false],
  ['eyJhbGciOiJI.eyJzdWIiOiIx', true],
  ['eyJhbGciOiJI', false],
])('at its boundary %j counts: %s', (text, counts) => {
  expect([looksLikeToken(text), refused(text), redact(text) !== text]).toEqual([counts, counts, counts]);
});

test.each([
  'meta-llama/Llama-2-7b-chat-hf',
  'Llama-2-7b-hf_bfloat16',
  'TheBloke/Llama-2-13B-chat-GGUF:llama-2-13b-chat.Q4_K_M.gguf',
  'hf-internal-testing/tiny-random-LlamaForCausalLM',
  'hf_quant_config.json',
  'hf_tokenizer.json',
  'hf_transformers_cache',
  'hf_checkpoint-20240131',
  'hf_oauth_expiration_minutes',
  'hf_hub_download',
  'acme/eco_friendly-7b-instruct-v2',
  'acme/eco_Llama-3-8B-Instruct',
  'reco_ranker-v2-large-2024-01',
  'Helsinki-NLP/opus-mt-sk-en',
  'acme/nllb-sk-finetuned-v2-2024',
  'slovak-nlp/mistral-sk-7b',
  'sk-learn-pipeline-v2-large-model',
  'sk-or-translation-7b',
  'acme/risk-classifier-v2-large-2024',
  'acme/task-0123456789abcdef0123456789abcdef',
  'acme/xapp-frame-service-v2',
  'acme/xoxo-kisses-7b-2024',
  'acme/akia-7b',
  'AKIA-7B-Instruct',
  'github_pattern_matcher_v2',
  'glpatch-2024-01-31',
  'eyJafjallajokull-7b.Q4_K_M.gguf',
  'model-00001-of-00030.safetensors',
  'mdl_5a2k9f0c1d2e3b4a5f60',
  'req_0123456789abcdef0123',
  'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'vllm/vllm-openai:v0.11.0@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
])('%s is an ordinary name, no token', (name) => {
  expect([looksLikeToken(name), redact(name), refused(name)]).toEqual([false, name, false]);
});

test('digests and ids are no tokens', () => {
  for (let round = 0; round < 500; round++) {
    const bytes = randomBytes(32);
    const digest = createHash('sha256').update(bytes);
    for (const text of [
      bytes.toString('hex'),
      bytes.toString('base64'),
      bytes.toString('base64url'),
      digest.digest('hex'),
      `model-${bytes.toString('hex', 0, 8)}.safetensors`,
      `${bytes.toString('hex', 0, 4)}-${bytes.toString('hex', 4, 6)}-4${bytes.toString('hex', 6, 8).slice(1)}`,
    ])
      expect({ text, looks: looksLikeToken(text) }).toEqual({ text, looks: false });
  }
});

test.each([
  'hf_',
  'eco_',
  '-eco_a',
  'eyJ',
  '-eyJ',
  '%41eyJ',
  'AKIA',
  'sk-',
  'ghs_1_',
  'a.',
  'xoxb-',
  'https://',
  'http://a?',
])('a long text of nothing but %j is read to its end', (part) => {
  // An expression that takes quadratic time would not come back before the test's time is over.
  const text = part.repeat(500_000 / part.length);
  expect(redact(`${text} hf_AbCdEfGh`).endsWith(' [redacted]')).toBe(true);
  expect(looksLikeToken(`${text} hf_AbCdEfGh`)).toBe(true);
});

test.each([
  ['postgres://eve:Pa55word@db/x', 'postgres://[redacted]@db/x', 'postgres://db/x'],
  ['http://Pa55word@proxy:8080', 'http://[redacted]@proxy:8080', 'http://proxy:8080'],
  ['socks5://eve:Pa55@word@proxy', 'socks5://[redacted]@proxy', 'socks5://proxy'],
  ['eve:Pa55word@proxy:8080', 'eve:Pa55word@proxy:8080', 'proxy:8080'],
  ['https://hub/acme/x@main', 'https://hub/acme/x@main', 'https://hub/acme/x@main'],
  ['write to eve@example.com', 'write to eve@example.com', 'write to eve@example.com'],
])('the user and password of the URL %s are hidden', (url, hidden, bare) => {
  expect([hideSecrets(url), withoutCredentials(url)]).toEqual([hidden, bare]);
  if (url.includes('://')) expect(redact(`${url}?password=Pa55word`)).not.toContain('password=');
});

test('no text of an error holds a secret, in words or in references', () => {
  for (const make of Object.values(kinds)) {
    const token = make();
    const error = fail('bad_field', say`It is ${token}.`, {
      nextStep: say`Try ${runs('get_model', { model: token })} at https://eve:${token}@host.`,
    });
    const told = JSON.stringify([error.toBody(), error.toWire(), error.message]);
    for (const piece of pieces(token)) expect({ token, told }).not.toEqual({ token, told: includes(piece) });
  }
});

import { expect, test } from 'vitest';
import { matchesTerms } from '../../../../src/core/regions/kubernetes/pods/nodes.ts';

const node = { metadata: { name: 'n-1', labels: { zone: 'a', gpus: '4' } } };
const on = (key: string, operator: string, ...values: string[]) => ({ matchExpressions: [{ key, operator, values }] });

test.each([
  ['In', on('zone', 'In', 'b', 'a'), true],
  ['In, of a label that is missing', on('rack', 'In', 'a'), false],
  ['NotIn', on('zone', 'NotIn', 'a'), false],
  ['NotIn, of a label that is missing', on('rack', 'NotIn', 'a'), true],
  ['Exists', on('zone', 'Exists'), true],
  ['DoesNotExist', on('zone', 'DoesNotExist'), false],
  ['Gt', on('gpus', 'Gt', '3'), true],
  ['Lt', on('gpus', 'Lt', '4'), false],
  ['the name', { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n-2'] }] }, false],
])('a node is let in as the scheduler would by %s', (_, term, expected) => {
  expect(matchesTerms(node, [term])).toBe(expected);
});

test('one term is enough, with all its expressions', () => {
  const [yes, no] = [on('zone', 'In', 'a'), on('zone', 'In', 'b')];
  expect(matchesTerms(node, [no, yes])).toBe(true);
  expect(matchesTerms(node, [{ matchExpressions: [...yes.matchExpressions, ...no.matchExpressions] }])).toBe(false);
});

import { describe, expect, test } from 'vitest';
import { engineEgress } from '../../../src/core/config/engine-egress.ts';

describe('what engines may call', () => {
  test.each([
    ['an empty list', []],
    ['a range', [{ cidr: '10.0.0.0/8' }]],
    ['a range without a part of it', [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.0.0.1/32'] }]],
    ['a range of IPv6', [{ cidr: 'fd00::/8', except: ['fd00:1::/32'] }]],
    ['a range of ports', [{ pod_selector: {}, ports: [{ port: 80, end_port: 80 }] }]],
  ])('is %s', (_, given) => {
    expect(engineEgress.safeParse(given).success).toBe(true);
  });

  test.each([['off'], [false]])('is everything with %s', (given) => {
    expect(engineEgress.parse(given)).toBe('off');
  });

  test.each([
    ['everything, by a rule that names nothing', [{}]],
    ['a port of everything', [{ ports: [443] }]],
    ['a range and a selector', [{ cidr: '10.0.0.0/8', pod_selector: {} }]],
    ['an address without its length', [{ cidr: '10.0.0.1' }]],
    ['an exception outside', [{ cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }]],
    ['an exception that is wider', [{ cidr: '10.0.0.0/8', except: ['10.0.0.0/7'] }]],
    ['an exception of another family', [{ cidr: '10.0.0.0/8', except: ['fd00::/16'] }]],
    ['an exception of nothing', [{ pod_selector: {}, except: ['10.0.0.0/16'] }]],
    ['a range of ports that ends before it begins', [{ pod_selector: {}, ports: [{ port: 80, end_port: 79 }] }]],
    ['port 0', [{ pod_selector: {}, ports: [0] }]],
    ['a mistyped setting', [{ pod_selectors: {} }]],
    ['everything, by true', true],
  ])('is never %s', (_, given) => {
    expect(engineEgress.safeParse(given).success).toBe(false);
  });
});

import { expect, test } from 'vitest';
import { kubernetesRegion } from '../../../../src/core/config/kubernetes-region.ts';
import { checkNamespace } from '../../../../src/core/regions/kubernetes/doctor/check-config.ts';

const inside = { name: 'eu', kind: 'kubernetes', namespace: 'ecolink', ecolink_image: 'e:1', in_cluster: true };

test('engines in the namespace of EcoLink itself are a warning, engines elsewhere are none', () => {
  const region = kubernetesRegion.parse(inside);
  expect(checkNamespace(region, 'ecolink')).toMatchObject([
    {
      state: 'warning',
      said: expect.stringContaining('ecolink'),
      fix: expect.stringContaining('namespace of its own'),
    },
  ]);
  expect(checkNamespace({ ...region, namespace: 'models' }, 'ecolink')).toEqual([]);
  // Another cluster may have a namespace of the same name.
  expect(checkNamespace({ ...region, in_cluster: false }, 'ecolink')).toEqual([]);
  expect(checkNamespace(region, undefined)).toEqual([]);
});

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { kubernetesRegion } from '../../../src/core/config/kubernetes-region.ts';
import { configFile } from '../../../src/core/config/schema.ts';

const named = z.object({ properties: z.record(z.string(), z.unknown()) });
const schema = z.object({
  properties: z.object({ config: named }),
  $defs: z.object({ region: named }),
});

test('the chart knows every setting of ecolink.yaml and of a region', async () => {
  const file = new URL('../../../deploy/chart/values.schema.json', import.meta.url);
  const { properties, $defs } = schema.parse(JSON.parse(await readFile(file, 'utf8')));
  expect(Object.keys(properties.config.properties).toSorted()).toEqual(Object.keys(configFile.shape).toSorted());
  const region = [...Object.keys(kubernetesRegion.shape), 'path'].toSorted();
  expect(Object.keys($defs.region.properties).toSorted()).toEqual(region);
});

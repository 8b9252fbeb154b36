import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { kubernetesRegion } from '../../../src/core/config/kubernetes-region.ts';
import { configFile } from '../../../src/core/config/schema.ts';

interface Schema {
  properties: { config: { properties: object } };
  $defs: { region: { properties: object } };
}

test('the chart knows the settings of ecolink.yaml and of a region, all of them', async () => {
  const file = new URL('../../../deploy/chart/values.schema.json', import.meta.url);
  const { properties, $defs } = JSON.parse(await readFile(file, 'utf8')) as Schema;
  expect(Object.keys(properties.config.properties).toSorted()).toEqual(Object.keys(configFile.shape).toSorted());
  const region = [...Object.keys(kubernetesRegion.shape), 'path'].toSorted();
  expect(Object.keys($defs.region.properties).toSorted()).toEqual(region);
});

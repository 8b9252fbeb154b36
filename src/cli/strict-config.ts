import type { Config } from '../core/config/config.ts';
import { loadConfig } from '../core/config/load.ts';
import { configFileSchema, regionSettings } from '../core/config/schema.ts';
import { operationsForRules } from '../core/operations/catalogue.ts';

/** The configuration, if every rule of its policy names operations that exist. Throws as `loadConfig` does. */
export function loadConfigStrictly(): Config {
  return loadConfig(undefined, configFileSchema(regionSettings, operationsForRules()));
}

import type { PrivateVolume } from '../../cache/cache.ts';
import type { Preview } from '../../operation/preview.ts';
import { inputPreview } from '../define.ts';

/** For operations on cached weights whose input says everything. */
export function previewVolumes(
  title: string,
  volumes: readonly PrivateVolume[],
  input: Record<string, unknown>,
  destroys = false,
): Preview {
  const regions = [...new Set(volumes.map(({ region }) => region))];
  return {
    ...inputPreview(title, input),
    facts: { adds: false, destroys, regions },
    private: volumes.some((volume) => volume.private),
  };
}

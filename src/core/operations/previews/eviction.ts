import { formatBytes } from '../../base/format.ts';
import type { PreparedEviction, VolumesInput } from '../../cache/cache.ts';
import type { Preview } from '../../operation/preview.ts';

export function previewEviction({ volumes }: PreparedEviction, given: VolumesInput): Preview {
  const users = volumes.flatMap((volume) => volume.users).join(', ');
  return {
    input: { ...given },
    summary: [
      ...volumes.map(
        ({ key, region, repo, bytes }) => `Delete the weights of ${repo} in ${region} (${key}, ${formatBytes(bytes)})`,
      ),
      ...volumes.flatMap(({ remains }) => remains),
      users === '' ? 'No instance uses them' : `Instances that use them: ${users}`,
    ],
    relied: { 'the volumes': volumes.map(({ key }) => key).join(', '), 'what uses them': users || 'nothing' },
    facts: { regions: [...new Set(volumes.map(({ region }) => region))], adds: false },
    private: volumes.some((volume) => volume.private),
  };
}

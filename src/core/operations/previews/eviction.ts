import { formatBytes } from '../../base/format.ts';
import { listWithHidden, visibleTo } from '../../access/visibility.ts';
import type { PreparedEviction, VolumesInput } from '../../cache/cache.ts';
import type { Preview } from '../../operation/preview.ts';

export function previewEviction({ volumes, caller }: PreparedEviction, given: VolumesInput): Preview {
  const readers = volumes.flatMap((volume) => volume.users);
  const users = readers.map(({ id }) => id).join(', ');
  const { shown, hidden } = visibleTo(readers, caller);
  const named = listWithHidden(
    shown.map(({ id }) => String(id)),
    hidden,
  );
  return {
    input: { ...given },
    summary: [
      ...volumes.map(
        ({ key, region, repo, bytes }) => `Delete the weights of ${repo} in ${region} (${key}, ${formatBytes(bytes)})`,
      ),
      ...volumes.flatMap(({ remains }) => remains),
      users === '' ? 'No instance uses them' : `Instances that use them: ${named}`,
    ],
    relied: { 'the volumes': volumes.map(({ key }) => key).join(', '), 'what uses them': users || 'nothing' },
    facts: { regions: [...new Set(volumes.map(({ region }) => region))], adds: false },
    private: volumes.some((volume) => volume.private),
  };
}

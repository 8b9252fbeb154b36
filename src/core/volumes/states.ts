/** `partial`: a download was stopped because nothing needed it any more. Its bytes are still there, to go on from or to evict. */
export const volumeStates = [
  'absent',
  'partial',
  'queued',
  'downloading',
  'ready',
  'failed',
  'damaged',
  'evicting',
] as const;
export type VolumeState = (typeof volumeStates)[number];

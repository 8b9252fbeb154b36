/** `partial`: a download was stopped because nothing needed it. Its bytes stay, so it can continue or be evicted. */
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

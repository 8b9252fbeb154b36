import { statSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../names-in.ts';

/** Devices of accelerators: NVIDIA, the kernel's DRM and accel drivers, AMD, WSL, Gaudi, and the network between them. */
const acceleratorDevice = /^(nvidia.*|dri|accel|kfd|dxg|hl\d+|infiniband)$/;

export async function acceleratorDevices(folder = '/dev'): Promise<string[]> {
  const names = await namesIn(folder);
  return names.filter((name) => acceleratorDevice.test(name)).map((name) => join(folder, name));
}

/** Groups, other than root's, that own these devices. A user of these groups can open them. */
export async function groupsOf(devices: readonly string[]): Promise<number[]> {
  const nested = await Promise.all(devices.map(async (path) => (await namesIn(path)).map((name) => join(path, name))));
  const groups = [...devices, ...nested.flat()].map((path) => statSync(path, { throwIfNoEntry: false })?.gid ?? 0);
  return [...new Set(groups)].filter((group) => group !== 0);
}

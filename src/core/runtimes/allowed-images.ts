/**
 * Whether an image is on a list in which `*` stands for anything: `ghcr.io/team/*`, or a name with its digest. A digest
 * behind an allowed tag only says which of its images is meant.
 */
export function isImageAllowed(image: string, allowed: readonly string[]): boolean {
  const tagged = /^(.+:[^/]+)@sha256:/.exec(image)?.[1];
  return allowed.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    const whole = new RegExp(`^${parts.join('.*')}$`);
    return whole.test(image) || (tagged !== undefined && whole.test(tagged));
  });
}

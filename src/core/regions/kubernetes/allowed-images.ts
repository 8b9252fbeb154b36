/** Whether an image is on a list in which `*` stands for anything: `ghcr.io/team/*`, or a name with its digest. */
export function isImageAllowed(image: string, allowed: readonly string[]): boolean {
  return allowed.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${parts.join('.*')}$`).test(image);
  });
}

/**
 * True if a pattern of the list matches the image. `*` stands for anything, as in `ghcr.io/team/*`. An image with an
 * allowed tag and a digest is allowed too: the digest only says which image of the tag is meant.
 */
export function isImageAllowed(image: string, allowed: readonly string[]): boolean {
  const tagged = /^(.+:[^/]+)@sha256:/.exec(image)?.[1];
  return allowed.some((pattern) => {
    const literals = pattern.split('*').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    const expression = new RegExp(`^${literals.join('.*')}$`);
    return expression.test(image) || (tagged !== undefined && expression.test(tagged));
  });
}

/** Kubernetes writes bytes as a decimal number with an optional suffix: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
const quantity = /^(\d+(?:\.\d+)?)(?:e([+-]?\d+)|(m|k|[MGTPE]|[KMGTPE]i))?$/i;

const powers = ['', 'k', 'm', 'g', 't', 'p', 'e'];

/** The bytes of a quantity, rounded up. Undefined if the text is no quantity. */
export function bytesOfQuantity(text: string): number | undefined {
  const [, number, exponent, suffix = ''] = quantity.exec(text) ?? [];
  if (number === undefined) return undefined;
  if (exponent !== undefined) return Math.ceil(Number(number) * 10 ** Number(exponent));
  if (suffix === 'm') return Math.ceil(Number(number) / 1000);
  const base = suffix.endsWith('i') ? 1024 : 1000;
  return Math.ceil(Number(number) * base ** powers.indexOf(suffix.charAt(0).toLowerCase()));
}

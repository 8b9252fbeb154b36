/** Powers of ten and of two, as Kubernetes writes them: `500m`, `10G`, `1.5Gi`, `1e9`. */
const factors: ReadonlyMap<string, number> = new Map(
  Object.entries({
    n: 1e-9,
    u: 1e-6,
    m: 1e-3,
    k: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
    P: 1e15,
    E: 1e18,
    Ki: 2 ** 10,
    Mi: 2 ** 20,
    Gi: 2 ** 30,
    Ti: 2 ** 40,
    Pi: 2 ** 50,
    Ei: 2 ** 60,
  }),
);

/**
 * The number that a quantity stands for. Undefined if it is none. Own code, because the client library keeps its parser
 * to itself.
 */
export function quantityOf(text: string): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text.trim());
  const factor = match?.[2] === '' ? 1 : factors.get(match?.[2] ?? '');
  return match?.[1] === undefined || factor === undefined ? undefined : Number(match[1]) * factor;
}

/** Random numbers from a seed (mulberry32), so that a failure can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [from, to]. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(choices: readonly T[]): T {
    const [choice] = choices.slice(this.whole(0, choices.length - 1));
    if (choice === undefined) throw new Error('There is nothing to choose from.');
    return choice;
  }

  /** A latin1 text of random bytes. */
  bytes(length: number): string {
    const block = Array.from({ length: Math.min(length, 997) }, () => String.fromCharCode(this.whole(0, 255))).join('');
    return block.repeat(Math.ceil(length / 997)).slice(0, length);
  }
}

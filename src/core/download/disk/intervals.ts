/** [start, end), in bytes. */
export type Interval = readonly [start: number, end: number];

/** The bytes of a file that are there, as disjoint intervals in ascending order. */
export class IntervalSet {
  #intervals: Interval[] = [];

  constructor(intervals: Iterable<Interval> = []) {
    for (const [start, end] of intervals) this.add(start, end);
  }

  get intervals(): readonly Interval[] {
    return this.#intervals;
  }

  /** Number of bytes in all intervals. */
  get bytes(): number {
    return this.#intervals.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  /** The end of the interval that begins at the first byte, or 0. */
  get prefix(): number {
    const first = this.#intervals[0];
    return first && first[0] === 0 ? first[1] : 0;
  }

  get end(): number {
    return this.#intervals.at(-1)?.[1] ?? 0;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const before = this.#intervals.filter((interval) => interval[1] < start);
    const after = this.#intervals.filter((interval) => interval[0] > end);
    const touching = this.#intervals.slice(before.length, this.#intervals.length - after.length);
    const joined: Interval = [Math.min(start, touching[0]?.[0] ?? start), Math.max(end, touching.at(-1)?.[1] ?? end)];
    this.#intervals = [...before, joined, ...after];
  }

  /** The missing bytes of a file of this size, in pieces of at most `piece` bytes. */
  missing(size: number, piece: number): Interval[] {
    const gaps: Interval[] = [];
    let at = 0;
    for (const [start, end] of [...this.#intervals, [size, size] as const]) {
      for (; at < start; at = Math.min(at + piece, start)) gaps.push([at, Math.min(at + piece, start)]);
      at = Math.max(at, end);
    }
    return gaps;
  }
}

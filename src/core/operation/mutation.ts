import type { Preview } from './preview.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';

/** A mutation that has read the world. It can be previewed, and committed once. */
export interface PreparedMutation {
  readonly preview: Preview;
  /** Writes, and returns what was done. The ledger stores that, and the answer is made from it. */
  commit(unit: UnitOfWork): Promise<object>;
}

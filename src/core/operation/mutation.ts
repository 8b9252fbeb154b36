import type { Preview } from './preview.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';

/** A mutation that has read the world. It can be previewed, and committed once. */
export interface PreparedMutation {
  readonly preview: Preview;
  /** Writes, and answers with what was done: the ledger keeps that, and the answer to the caller is made from it. */
  readonly commit: (unit: UnitOfWork) => Promise<object>;
}

/** Filled below as services land. */
export interface Services { placeholder?: never }

/** The rooms of the core in the order of imports. */
export const coreRooms: readonly string[];

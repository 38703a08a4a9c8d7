/** Texts of: local. */
export const local = {}

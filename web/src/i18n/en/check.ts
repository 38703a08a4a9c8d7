/** Texts of: check. */
export const check = {}

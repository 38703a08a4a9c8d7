/** Texts of: call. */
export const call = {}

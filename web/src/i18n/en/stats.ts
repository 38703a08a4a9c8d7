/** Texts of: stats. */
export const stats = {}

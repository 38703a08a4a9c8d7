/** Texts of: files. */
export const files = {}

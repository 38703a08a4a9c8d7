/**
 * A table as a file that spreadsheets open: RFC 4180, with the mark that tells them it is UTF-8. What a spreadsheet would take for a formula
 * is made text.
 */
export function csv(rows: (string | number)[][]): string {
  return '\uFEFF' + rows.map((row) => row.map(cell).join(',') + '\r\n').join('')
}

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

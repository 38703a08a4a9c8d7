/** Formats seconds as "38 ms". */
export function milliseconds(seconds: number): string {
  return `${Math.round(seconds * 1000)} ms`
}

/** Formats a part as "1.3 %", whole from ten on and where there is nothing behind the point. */
export function percent(part: number): string {
  const value = part * 100
  return `${value >= 10 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} %`
}

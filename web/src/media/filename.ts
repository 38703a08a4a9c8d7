/** A file's name made of the time alone, such as tutti-2026-11-22-18-05-09.webm, so that nothing anybody typed gets into it. */
export function fileNameAt(at: Date, extension: string): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const parts = [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()]
  return `tutti-${parts.map(two).join('-')}.${extension}`
}

/** Gives a file to the person, as a download. */
export function download(file: Blob, name: string) {
  const url = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has opened the file by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

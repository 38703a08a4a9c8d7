/** The files that were dropped, without folders: those look like files that cannot be read. */
export function filesOf(event: DragEvent): File[] {
  return [...(event.dataTransfer?.items ?? [])]
    .filter((item) => item.kind === 'file' && !item.webkitGetAsEntry()?.isDirectory)
    .map((item) => item.getAsFile())
    .filter((file) => file !== null)
}

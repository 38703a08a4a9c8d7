/** Copies text, also where the clipboard needs a secure address: then through the selection of a field that shows it. */
export async function copyText(text: string, field?: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const input = field ?? document.createElement('input')
    if (!field) {
      input.value = text
      input.readOnly = true
      input.className = 'visually-hidden'
      document.body.append(input)
    }
    const type = input.type
    input.type = 'text'
    input.focus()
    input.select()
    const copied = document.execCommand('copy')
    input.type = type
    if (!field) input.remove()
    return copied
  }
}

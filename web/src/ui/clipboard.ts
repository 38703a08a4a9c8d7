/** Copies text, also where the clipboard needs a secure address: then through the selection of a field that shows it. */
export async function copyText(text: string, field?: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return field ? copyOf(field) : copyThroughField(text)
  }
}

function copyOf(field: HTMLInputElement): boolean {
  const type = field.type
  // The content of a password's field cannot be copied.
  field.type = 'text'
  field.focus()
  field.select()
  const copied = document.execCommand('copy')
  field.type = type
  return copied
}

function copyThroughField(text: string): boolean {
  // Unlike an input, it keeps the text's lines.
  const area = document.createElement('textarea')
  area.value = text
  area.readOnly = true
  area.className = 'visually-hidden'
  document.body.append(area)
  area.focus()
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}

import type { Credential } from './client'

const storageKey = 'tutti.operator'

/** The operator's API key and secret, kept only as long as the tab is open. */
export function recallOperator(): Credential | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null')
    if (typeof value !== 'object' || value === null) return undefined
    const { operator, secret } = value as Record<string, unknown>
    return typeof operator === 'string' && typeof secret === 'string' ? { operator, secret } : undefined
  } catch {
    return undefined
  }
}

export function rememberOperator(credential: Credential | undefined) {
  try {
    if (credential) sessionStorage.setItem(storageKey, JSON.stringify(credential))
    else sessionStorage.removeItem(storageKey)
  } catch {
    // Then the operator signs in again after a reload.
  }
}

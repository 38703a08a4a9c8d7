import { render } from 'svelte/server'
import { describe, expect, it } from 'vitest'
import type { AudienceView } from '../audience/view'
import { t } from '../i18n/index.svelte'
import PkPanel from './PkPanel.svelte'

function shown(state: string, recorded: boolean): string {
  const pk = { state, with: { room: 'jazz', title: 'Jazz', host: 'Ella', ...(recorded ? { recorded } : {}) }, scores: { us: 0, them: 0 } }
  const view = { state: { pk, you: { role: 'host' } } } as unknown as AudienceView
  return render(PkPanel, { props: { view, live: true } }).body
}

describe('a contest with a room whose show is recorded', () => {
  it.each(['inviting', 'invited', 'running'])('says so: %s', (state) => {
    expect(shown(state, true)).toContain(t().audience.pkRecords)
    expect(shown(state, false)).not.toContain(t().audience.pkRecords)
  })
})

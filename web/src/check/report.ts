import type { Dictionary } from '../i18n/en'
import { stepGroups, stepIds, type Results } from './results'
import type { Verdict } from './verdict'
import { figureWords, troubleWords } from './words'

export interface ReportFacts {
  /** Scheme, host and port: what a link carries after them may be a key. */
  server: string
  browser: string
  /** Milliseconds since 1970. */
  at: number
}

/** The report as text, in the reader's language. Made of results only, which hold nothing secret. */
export function reportText(t: Dictionary, results: Results, verdict: Verdict, facts: ReportFacts): string {
  const lines = [
    t.check.reportOf(facts.server), new Date(facts.at).toISOString(), facts.browser, '', t.check.verdict[verdict.code],
    ...verdict.notes.map((note) => t.check.note[note]),
  ]
  for (const [group, ids] of Object.entries(stepGroups)) {
    lines.push('', t.check.group[group as keyof typeof stepGroups])
    for (const id of ids) {
      const result = results[id]
      const figures = figureWords(t, id, result)
      const trouble = result.trouble && troubleWords(t, result.trouble)
      lines.push(`- ${t.check.step[id]}: ${t.check.state[result.state]}${figures && ` (${figures})`}${trouble ? ` ${trouble.text} ${trouble.fix}` : ''}`)
    }
  }
  return lines.join('\n') + '\n'
}

/** The report for programs. */
export function reportJson(results: Results, verdict: Verdict, facts: ReportFacts): string {
  return JSON.stringify(
    {
      format: 'tutti-connection-test', version: 1, at: new Date(facts.at).toISOString(), server: facts.server, browser: facts.browser,
      verdict: verdict.code, notes: verdict.notes,
      steps: stepIds.map((id) => ({ id, state: results[id].state, ...(results[id].trouble ? { trouble: results[id].trouble } : {}), ...results[id].figures })),
    },
    undefined, 1,
  )
}

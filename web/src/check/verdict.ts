import { stepIds, type Results, type StepId } from './results'

/** What calls will be like, in one word; the page has a sentence for each. */
export type VerdictCode =
  | 'direct' | 'directUntested' | 'strictRouter' | 'serverUdp' | 'serverTcp' | 'relayTcp' | 'directOnly' | 'nothing'
  | 'noWebSocket' | 'noDoor' | 'offline' | 'unsupported' | 'incomplete'

/** What else somebody should know. */
export type Note = 'unseen' | 'unheard' | 'listenOnly' | 'quality' | 'bandwidth' | 'noFallback'

export interface Verdict {
  code: VerdictCode
  tone: 'ok' | 'warn' | 'fail'
  notes: Note[]
}

const hopeless: readonly VerdictCode[] = ['nothing', 'noWebSocket', 'noDoor', 'offline', 'unsupported']
const doubtful: readonly VerdictCode[] = ['directUntested', 'serverUdp', 'serverTcp', 'relayTcp', 'directOnly', 'nothing']
const good: readonly VerdictCode[] = ['direct', 'directUntested', 'strictRouter']

const ways: readonly StepId[] = ['rtcUdp', 'rtcTcp', 'stun', 'turnUdp', 'turnTcp', 'turnTls']

/**
 * How media will go, from what was found. Two people's media goes directly when UDP gets out and the routers keep their
 * mappings (RFC 4787, 4.1); else through a relay (TURN); else through the server's media port, UDP before TCP.
 */
function wayOf(r: Results): VerdictCode {
  const works = (id: StepId) => r[id].state === 'ok' || r[id].state === 'warn'
  if (r.browser.state === 'fail') return 'unsupported'
  if (r.http.state === 'fail') return r.http.trouble === 'noDoor' ? 'noDoor' : 'offline'
  if (r.websocket.state === 'fail') return 'noWebSocket'
  if (ways.every((id) => r[id].trouble === 'noDoor')) return 'noDoor'
  if (ways.some((id) => r[id].state === 'waiting' || r[id].state === 'running')) return 'incomplete'
  const relayed = works('turnUdp') || works('turnTcp') || works('turnTls')
  const served = works('rtcUdp') || works('rtcTcp')
  // Whatever answered over UDP proves that UDP gets out.
  const udp = works('stun') || works('rtcUdp') || works('turnUdp')
  if (!udp) return works('rtcTcp') ? 'serverTcp' : relayed ? 'relayTcp' : 'nothing'
  if (r.stun.figures.nat === 'symmetric') return relayed || served ? 'strictRouter' : 'nothing'
  if (works('stun')) return relayed || served ? 'direct' : 'directOnly'
  // Without STUN nobody learns the outside address; two in one network still find each other.
  if (r.stun.state === 'notOffered' && served) return 'directUntested'
  return works('rtcUdp') || relayed ? 'serverUdp' : works('rtcTcp') ? 'serverTcp' : 'nothing'
}

/** What all the results together mean. */
export function verdictOf(r: Results): Verdict {
  const untried = ways.some((id) => r[id].state === 'skipped')
  const found = wayOf(r)
  // What was not tried (broken off, or the server too busy) could only make a good verdict better.
  const code = untried && doubtful.includes(found) ? 'incomplete' : found
  const bad = (id: StepId) => r[id].state === 'fail'
  const notes: Note[] = []
  if (!hopeless.includes(code)) {
    if (r.browser.trouble === 'insecure') notes.push('listenOnly')
    else {
      if (bad('camera')) notes.push('unseen')
      if (bad('microphone')) notes.push('unheard')
    }
    if (r.quality.trouble && r.quality.state !== 'skipped') notes.push('quality')
    if ((['thin', 'tooThin', 'broken'] as unknown[]).some((t) => r.down.trouble === t || r.up.trouble === t)) notes.push('bandwidth')
    if (code === 'direct' && !untried && !['turnUdp', 'turnTcp', 'turnTls', 'rtcTcp'].some((id) => r[id as StepId].state === 'ok')) notes.push('noFallback')
  }
  return { code, tone: code === 'incomplete' ? 'warn' : hopeless.includes(code) ? 'fail' : good.includes(code) && notes.length === 0 ? 'ok' : 'warn', notes }
}

/** How far the test is, 0 to 1. */
export function progressOf(r: Results): number {
  const weight = (id: StepId) => ({ quality: 5, down: 3, up: 3 })[id as string] ?? 1
  const total = stepIds.reduce((sum, id) => sum + weight(id), 0)
  const done = stepIds.reduce((sum, id) => {
    const { state } = r[id]
    return sum + weight(id) * (state === 'waiting' ? 0 : state === 'running' ? 0.4 : 1)
  }, 0)
  return done / total
}

import { describe, expect, it } from 'vitest'
import { en } from '../i18n/en'
import { zh } from '../i18n/zh'
import { reportJson, reportText } from './report'
import { fail, nothingYet, notOffered, ok, skipped, stepGroups, stepIds, warn, type Results } from './results'
import { verdictOf } from './verdict'
import { troubleWords } from './words'

const results: Results = {
  ...nothingYet(),
  browser: ok(), camera: ok({ label: 'Cam', width: 640, height: 480, fps: 30 }), microphone: fail('missing'), http: ok({ roundTrip: 0.0123 }),
  websocket: ok({ roundTrip: 0.0002 }), rtcUdp: ok({ roundTrip: 0.02 }), rtcTcp: notOffered(), stun: warn('symmetric', { address: '203.0.113.5', nat: 'symmetric' }),
  turnUdp: ok(), turnTcp: ok(), turnTls: fail('relayTls'), quality: ok({ roundTrip: 0.02, loss: 0.004, jitter: 0.003 }), down: ok({ bitrate: 5e6 }), up: skipped(),
}
const facts = { server: 'https://tutti.example', browser: 'Browser 1', at: 0 }

describe('report', () => {
  it('says it all in words', () => {
    const text = reportText(en, results, verdictOf(results), facts)
    for (const part of [
      'Connection test of https://tutti.example', 'Browser 1', en.check.verdict.strictRouter, en.check.note.unheard, 'Camera: works (Cam · 640×480, 30 fps)',
      'Microphone: does not work No camera or microphone was found.', 'Web page: works (12 ms)', '(< 1 ms)', 'Media over TCP: not offered',
      '203.0.113.5 · another one for each connection', '20 ms · 0.4 % lost · jitter 3 ms', '5.0 Mbit/s',
    ]) expect(text).toContain(part)
    expect(reportText(zh, results, verdictOf(results), facts)).toContain('丢包 0.4 %')
  })

  it('is read by programs too', () => {
    const json = JSON.parse(reportJson(results, verdictOf(results), facts))
    expect(json).toMatchObject({ format: 'tutti-connection-test', verdict: 'strictRouter', notes: ['unheard'], server: 'https://tutti.example' })
    expect(json.steps.map((s: { id: string }) => s.id)).toEqual([...stepIds])
    expect(json.steps.find((s: { id: string }) => s.id === 'stun')).toEqual({ id: 'stun', state: 'warn', trouble: 'symmetric', address: '203.0.113.5', nat: 'symmetric' })
  })

  it('leaves no step out', () => expect(Object.values(stepGroups).flat().sort()).toEqual([...stepIds].sort()))
})

describe('words', () => {
  it.each([...Object.keys(en.check.trouble), ...Object.keys(en.prejoin.problem)])('%s has a sentence and a remedy', (trouble) => {
    for (const t of [en, zh]) {
      const { text, fix } = troubleWords(t, trouble as never)
      expect(text).toBeTruthy()
      expect(fix).toBeTruthy()
    }
  })
})

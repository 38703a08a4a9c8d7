import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from './en'
import { detectLanguage } from './index.svelte'
import { zh } from './zh'

function leaves(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key))
}

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(svelte|ts)$/.test(file) && !/i18n\/(en|zh)(\.ts$|\/)|\.test\.ts$/.test(file))
  .map((file) => readFileSync(join('src', file), 'utf8'))
  .join('\n')

describe('dictionaries', () => {
  it('have the same texts', () => expect(leaves(zh).map(([path]) => path)).toEqual(leaves(en).map(([path]) => path)))

  it('leave nothing empty', () => {
    for (const [path, text] of [...leaves(en), ...leaves(zh)]) expect(text, path).toBeTruthy()
  })

  it('are written in Chinese', () => {
    const plain = leaves(zh).filter(([path, text]) => typeof text === 'string' && !/\p{Script=Han}/u.test(text) && path !== 'app.name')
    // Names and units are the same in both.
    expect(plain.map(([path]) => path)).toEqual([
      'app.toLanguage', 'obs.rtmp', 'obs.whip', 'obs.settingList.1.1', 'watch.protocols.whep', 'watch.protocols.flv',
      'watch.protocols.hls', 'console.key', 'console.secret', 'console.cpu',
    ])
  })

  it('hold no text that no screen shows', () => {
    // Groups whose members are chosen by a value, such as an error's code.
    const chosen = new RegExp(`^(${[
      'errors', 'console\\.(outcomes|untaken)', 'broadcast\\.(absences|turnedAwayWhy|conflicts|pushErrors|pullModes|uploads\\.errors)', 'audience\\.(refusals|roles|giftList|pkResults|danmakuSizes|danmakuAreas)', 'board\\.(tools|colors|sizes)', 'classroom\\.columns',
      'call\\.(over|shortcutList|path|pathShort|pathText|reason)',
      'local\\.(filters|resolutions|(camera|microphone|screen)\\.(problem|gone|replaced|back|one|another))',
      'prejoin\\.(problem|fix)', 'meeting\\.reactions', 'room\\.over', 'room\\.shortcutList', '(call|room|files)\\.losing', 'live\\.warnings', 'watch\\.protocol(s|Hints)',
      'app\\.themes', 'obs\\.(settingList|rtmp|whip)', 'home\\.(obsSteps|scenes\\.)', 'show\\.layouts', 'stats\\.(path|ends|findings|limitation)',
      'people\\.(health|quality|kinds|candidate|connections|sources|states|what|awayFor|leftFor)',
      'check\\.(group|step|state|trouble|verdict|note|nat)', 'watch\\.(forbidden|expired|missing)(Text)?',
    ].join('|')})`)
    // Texts in a group are used with its name, and deeper ones through a name for their group.
    const names = new Set(sources.match(/\.\w+/g))
    const paths = new Set([...sources.matchAll(/\.(\w+)(?=\.(\w+))/g)].map(([, group, name]) => `${group}.${name}`))
    const unused = leaves(en).map(([path]) => path).filter((path) => {
      const [group, ...rest] = path.split('.')
      const used = rest.length > 1 ? names.has(`.${rest.at(-1)}`) : paths.has(`${group}.${rest[0]}`)
      return !chosen.test(path) && !used
    })
    expect(unused).toEqual([])
  })
})

describe('language', () => {
  it.each([
    ['chosen before', 'en', ['zh-CN'], 'en'],
    ['of the browser', null, ['zh-Hant-TW', 'en'], 'zh'],
    ['second best', null, ['fr-FR', 'zh'], 'zh'],
    ['none of ours', null, ['fr'], 'en'],
    ['nonsense in storage', 'xx', ['zh'], 'zh'],
  ] as const)('%s', (_, stored, preferred, want) => expect(detectLanguage(stored, preferred)).toBe(want))
})

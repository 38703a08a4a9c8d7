/** The fingerprints of the certificates that a description names, in one spelling and order. */
export function fingerprintsOf(sdp: string): string[] {
  const all = [...sdp.matchAll(/^a=fingerprint:(\S+) ([0-9A-Fa-f:]+)\s*$/gm)].map(([, hash, hex]) => `${hash!.toLowerCase()} ${hex!.toUpperCase()}`)
  return [...new Set(all)].sort()
}

/**
 * Says in a description for the other side how we want to be sent sound (RFC 7587, 6.1): shared sound in stereo and without
 * pauses, speech without packets while nobody speaks. Browsers offer no other way to say it.
 */
export function wishSound(sdp: string, shared: ReadonlySet<string>): string {
  const sections = sdp.split(/(?=^m=)/m)
  return sections
    .map((section) => {
      if (!section.startsWith('m=audio')) return section
      const mid = /^a=mid:(\S+)/m.exec(section)?.[1] ?? ''
      const opus = /^a=rtpmap:(\d+) opus\//im.exec(section)?.[1]
      if (!opus) return section
      const wish = shared.has(mid) ? ['stereo=1', 'sprop-stereo=1', 'maxaveragebitrate=128000'] : ['usedtx=1']
      const line = new RegExp(`^a=fmtp:${opus} ([^\r\n]*)`, 'm')
      const before = line.exec(section)?.[1]
      if (before === undefined) return section.replace(new RegExp(`^(a=rtpmap:${opus} [^\r\n]*)`, 'm'), `$1\r\na=fmtp:${opus} ${wish.join(';')}`)
      const names = new Set(wish.map((w) => w.split('=')[0]))
      const kept = before.split(';').filter((p) => !names.has(p.trim().split('=')[0]!))
      return section.replace(line, `a=fmtp:${opus} ${[...kept, ...wish].join(';')}`)
    })
    .join('')
}

/** The sections (by mid) of an offer in which the other side may send too. */
export function sharedSections(sdp: string): Set<string> {
  const sections = sdp.split(/(?=^m=)/m).filter((section) => section.startsWith('m='))
  const shared = sections.filter((section) => !/^a=(sendonly|recvonly|inactive)\s*$/m.test(section))
  return new Set(shared.map((section) => /^a=mid:(\S+)/m.exec(section)?.[1]).filter((mid) => mid !== undefined))
}

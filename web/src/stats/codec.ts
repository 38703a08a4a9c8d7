import type { CodecFigures } from './sample'

// RFC 6184, 8.1: profile_idc and the constraint flags (profile-iop) together name the profile.
const h264Profiles: [idc: number, mask: number, value: number, name: string][] = [
  [0x42, 0x4f, 0x40, 'constrained baseline'],
  [0x4d, 0x8f, 0x80, 'constrained baseline'],
  [0x58, 0xcf, 0xc0, 'constrained baseline'],
  [0x42, 0x4f, 0x00, 'baseline'],
  [0x4d, 0xaf, 0x00, 'main'],
  [0x58, 0xcf, 0x80, 'extended'],
  [0x64, 0xff, 0x0c, 'constrained high'],
  [0x64, 0xff, 0x00, 'high'],
]

function h264Profile(id: string): string | undefined {
  if (!/^[0-9a-f]{6}$/i.test(id)) return undefined
  const [idc, iop, level] = [0, 2, 4].map((i) => parseInt(id.slice(i, i + 2), 16)) as [number, number, number]
  const name = h264Profiles.find(([wantIdc, mask, value]) => idc === wantIdc && (iop & mask) === value)?.[3]
  return name && `${name} ${Math.floor(level / 10)}.${level % 10}`
}

/** The profile that a format's parameters name, in words; undefined when they name none. */
export function profileOf(name: string, parameters: string): string | undefined {
  const value = (key: string) =>
    parameters.split(';').map((p) => p.trim().split('=')).find(([k]) => k?.toLowerCase() === key)?.[1]?.trim()
  switch (name.toLowerCase()) {
    case 'h264':
      return h264Profile(value('profile-level-id') ?? '')
    case 'vp9':
      return /^[0-3]$/.test(value('profile-id') ?? '') ? `profile ${value('profile-id')}` : undefined
    case 'av1':
      return { '0': 'main', '1': 'high', '2': 'professional' }[value('profile') ?? '']
    case 'opus':
      return value('stereo') === '1' || value('sprop-stereo') === '1' ? 'stereo' : undefined
    default:
      return undefined
  }
}

const hardware = /external|hardware|mediafoundation|videotoolbox|vaapi|v4l2|mediacodec|nvenc|qsv|amf/i
const software = /libvpx|libaom|openh264|ffmpeg|dav1d|svt|openh265/i

/** Whether a coder is hardware: as the browser says, else as its name says. */
export function isHardware(implementation: string | undefined, powerEfficient: boolean | undefined): boolean | undefined {
  if (powerEfficient !== undefined) return powerEfficient
  if (!implementation) return undefined
  if (hardware.test(implementation)) return true
  return software.test(implementation) ? false : undefined
}

/** What a codec is called by people who know about such things: "H.264 constrained baseline 3.1". */
export function codecWords(codec: CodecFigures, codecName: (codec: string) => string): string {
  return [codecName(codec.name), codec.profile].filter(Boolean).join(' ')
}

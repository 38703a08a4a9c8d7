import { api, type Credential } from '../api/client'
import type { Access } from '../api/types'
import { navigate } from '../navigation.svelte'
import { rememberRoom } from '../remember'
import { callPath, roomPath } from '../router'
import type { Template } from './scenes'

/** What a room is opened for: a call, people who meet, or a scene. */
export type Purpose = 'room' | 'call' | Template

/** Opens a room and goes in. Fails with what the server says. */
export async function openRoom(
  purpose: Purpose, { title = '', access = 'link', publicWatch }: { title?: string; access?: Access; publicWatch?: boolean }, credential: Credential,
): Promise<void> {
  const call = purpose === 'call'
  const scene = typeof purpose === 'string' ? undefined : purpose
  const { room, title: named, keys } = await api.createRoom({ title, access, ...(scene && { scene: scene.name, publicWatch }) }, credential)
  rememberRoom({ room, title: named, key: keys.host, host: true, at: Date.now(), ...(call && { call }) })
  const path = call ? callPath(room, keys.host) : roomPath(room, keys.host)
  navigate(scene?.live ? `${path}&show=1` : path)
}

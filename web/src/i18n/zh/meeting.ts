import type { Dictionary } from '../en'

export const meeting: Dictionary['meeting'] = {
  pip: '画中画',
  pipUnavailable: '浏览器不支持，或者还没有画面。',
  fullscreen: '全屏',
  fullscreenExit: '退出全屏',
}

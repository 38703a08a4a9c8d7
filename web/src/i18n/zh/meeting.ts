import type { Dictionary } from '../en'

export const meeting: Dictionary['meeting'] = {
  pip: '画中画',
  pipUnavailable: '浏览器不支持，或者还没有画面。',
  fullscreen: '全屏',
  fullscreenExit: '退出全屏',
  camera: '摄像头',
  turnCamera: '翻转摄像头',
  share: '共享',
  shareStop: '停止',
  board: '白板',
  pointer: '指针',
  react: '表情',
  tools: '工具',
  toolsWaiting: (n) => `${n} 项待处理`,
  view: '画面',
  own: '设置',
  invite: '房间',
  reactions: { thumb: '赞', heart: '爱心', laugh: '大笑', wow: '惊讶', clap: '鼓掌', party: '庆祝' },
  reacted: (name, what) => `${name}：${what}`,
}

import type { Dictionary } from '../en'

/** 直播控制台的文案。 */
export const show: Dictionary['show'] = {
  program: '直播画面',
  preview: '观众现在看到的画面',
  previewNone: '开播后，这里显示观众看到的画面。',
  layout: '画面布局',
  layoutHint: '换布局时观众立刻看到，播放不会中断。',
  layoutUnavailable: '服务器上没有 ffmpeg，无法合成画面，观众只能看到其中一路。',
  layouts: {
    auto: '自动', grid: '宫格', speaker: '主讲', 'side-by-side': '左右并排', 'picture-in-picture': '画中画', screen: '屏幕', audio: '语音房',
  },
  orientation: '画面方向',
  portrait: '竖屏 9:16',
  landscape: '横屏 16:9',
}

import type { Dictionary } from '../en'

export const app: Dictionary['app'] = {
  name: 'Tutti',
  tagline: '进房间聊，让所有人看。',
  toLanguage: 'English',
  theme: '外观',
  themes: { auto: '跟随系统', light: '浅色', dark: '深色' },
  home: '首页',
  console: '控制台',
  close: '关闭',
  cancel: '取消',
  copy: '复制',
  copied: '已复制',
  retry: '重试',
  more: '更多',
  loading: '加载中…',
  you: '我',
  youNamed: (name) => `${name}（我）`,
  qr: '网址二维码',
  notFound: '没有这个页面。',
  toHome: '回首页',
  share: '分享',
}

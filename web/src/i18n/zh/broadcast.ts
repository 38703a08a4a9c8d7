import type { Dictionary } from '../en'

/** 录制与转推的文案。 */
export const broadcast: Dictionary['broadcast'] = {
  recording: '录制',
  record: '开始录制',
  stop: '停止录制',
  always: '这个房间的每场直播都录制',
  off: '这台服务器没有为你开启录制。',
  none: '还没有录制。',
  untitled: '录制',
  published: '观众可回放',
  play: '播放',
  download: '下载',
  discard: '删除',
  discardAsk: '删除这段录制？',
  failed: '操作没有成功，请再试一次。',
  states: { recording: '录制中', finishing: '正在收尾', failed: '失败' },
  errors: {
    disk_full: '提前结束：磁盘已满',
    write_failed: '提前结束：磁盘无法写入',
    empty: '没有可录制的内容',
  },
  push: '转推到其他平台',
  pushOff: '这台服务器没有为你开启转推。',
  pushStates: { idle: '等待开播', connecting: '连接中', live: '转推中', waiting: '失败，稍后重试' },
  enabled: '启用',
  removeTarget: '移除',
  targetName: '名称',
  targetUrl: '服务器地址（rtmp:// 或 rtmps://）',
  targetKey: '推流密钥',
  addTarget: '添加',
}

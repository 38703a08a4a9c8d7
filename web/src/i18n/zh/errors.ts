import type { Dictionary } from '../en'

export const errors: Dictionary['errors'] = {
  offline: '连不上服务器。请确认它正在运行，并且你们在同一个网络里。',
  bad_request: '服务器没看懂这个请求，请刷新页面再试。',
  bad_name: '房间名可以用各种文字的字母、数字、“-”和“_”，最长 64 字节（约 21 个汉字）。',
  not_allowed: '里面有这里不能说的话，换个说法试试。',
  unauthorized: '需要带密钥的链接，请向主持人索取。',
  forbidden: '你的链接没有这个权限，请向主持人另要一个。',
  expired: '链接已过期，请向主持人要新的。',
  not_found: '没有找到这个名字。',
  not_live: '房间还没有开播。',
  exists: '已经有同名的房间了，换个名字，或者直接加入。',
  full: '房间已满。',
  rate_limited: '操作太频繁，请稍等片刻再试。',
  disk_full: '服务器的磁盘满了，需要运维人员先腾出空间。',
  unavailable: '服务器暂时做不到，请稍后再试。',
  internal: '服务器出错了。请重试；若一直如此，请查看服务器日志。',
}

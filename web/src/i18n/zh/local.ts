import type { Dictionary } from '../en'

export const local: Dictionary['local'] = {
  camera: {
    one: '摄像头',
    another: '另一个摄像头',
    gone: (device) => `${device} 已拔出，画面已关闭。`,
    replaced: (device, other) => `${device} 已拔出，现在改用 ${other}。`,
    back: (device) => `${device} 已重新接上。`,
    problem: {
      denied: '浏览器没有摄像头权限，请在地址栏左侧允许。',
      busy: '其他程序正在使用摄像头，请关闭后重试。',
      missing: '找不到这个摄像头，请插好或换一个。',
      insecure: '当前地址不安全，浏览器不开放摄像头。',
      unsupported: '这个浏览器不支持网页使用摄像头。',
      inapp: '应用内置的浏览器不支持网页使用摄像头。',
      failed: '摄像头没有启动，请换一个，或拔下重插。',
    },
  },
  microphone: {
    one: '麦克风',
    another: '另一个麦克风',
    gone: (device) => `${device} 已拔出，对方听不到你了。`,
    replaced: (device, other) => `${device} 已拔出，现在改用 ${other}。`,
    back: (device) => `${device} 已重新接上。`,
    problem: {
      denied: '浏览器没有麦克风权限，请在地址栏左侧允许。',
      busy: '其他程序正在使用麦克风，请关闭后重试。',
      missing: '找不到这个麦克风，请插好或换一个。',
      insecure: '当前地址不安全，浏览器不开放麦克风。',
      unsupported: '这个浏览器不支持网页使用麦克风。',
      inapp: '应用内置的浏览器不支持网页使用麦克风。',
      failed: '麦克风没有启动，请换一个，或拔下重插。',
    },
  },
  screen: {
    problem: {
      denied: '浏览器不能共享你的屏幕。',
      busy: '系统不允许浏览器录制屏幕，请在系统设置里开启。',
      missing: '没有可以共享的内容。',
      insecure: '当前地址不安全，浏览器不能共享屏幕。',
      unsupported: '这个浏览器不能共享屏幕，请用电脑。',
      inapp: '应用内置的浏览器不能共享屏幕。',
      failed: '没能开始共享屏幕，请重试。',
    },
  },
  speaker: {
    one: '扬声器',
    gone: (device) => `${device} 已拔出，声音改由系统扬声器播放。`,
    back: (device) => `${device} 已重新接上。`,
  },
  speakerFailed: '声音没能切换过去，仍从原来的设备播放。',
  filterFailed: '这个浏览器用不了这个滤镜。',
  filterFailedOff: '滤镜出了问题，摄像头已关闭；再打开就是不带滤镜的画面。',
}

import type { Dictionary } from '../en'

/** 白板的文字。 */
export const board: Dictionary['board'] = {
  title: '白板',
  sheet: '白板页面',
  sheetDraw: '白板页面。按字母键选工具，回车在中间放一个图形，句号和逗号选中内容，方向键移动。',
  texts: '本页上的文字',
  loading: '正在取白板…',
  toolBar: '画图工具',
  tools: {
    select: '选择和移动', pen: '画笔', marker: '荧光笔', line: '直线', arrow: '箭头', rect: '矩形', ellipse: '椭圆', text: '文字', eraser: '橡皮',
  },
  style: '颜色和粗细',
  color: '颜色',
  colors: {
    black: '黑色', red: '红色', blue: '蓝色', green: '绿色', orange: '橙色', yellow: '黄色', purple: '紫色', grey: '灰色',
  },
  size: '粗细',
  sizes: ['细', '中', '粗'],
  fill: '填充',
  undo: '撤销',
  redo: '重做',
  remove: '删除选中的内容',
  pages: '页',
  page: (n, of) => `第 ${n} 页，共 ${of} 页`,
  before: '上一页',
  after: '下一页',
  addPage: '新建一页',
  removePage: '删除本页',
  clear: '清空本页',
  clearTitle: '清空本页？',
  clearText: '本页内容会对所有人清除，无法恢复。',
  textLost: '你正在书写的那一页被删除了，文字没有保留。',
  keep: '存为图片',
  open: '打开白板',
  close: '收起白板',
}

/**
 * The words that fingerprints are read as, 256 in each language, in an order that only has to stay. They are short, common, and told apart on
 * a bad line: English ones of two syllables, Chinese ones of two characters.
 */
export const wordlist: Record<'en' | 'zh', readonly string[]> = {
  en: `
acorn actor agent album almond amber anchor angel apple apron archer arrow artist aspen atlas autumn
bacon badger baker bamboo banjo basket beaver bedroom bishop blanket blossom bottle bramble breakfast bubble bucket
butter button cabin cactus camel camera candle canyon carbon carpet carrot castle cedar cherry chicken circle
citrus clover cobra coffee comet compass copper coral cotton cousin cowboy crater cricket crystal curtain cushion
dagger daisy dancer daylight denim desert diamond dinner doctor dolphin donkey dragon driver dumpling eagle earring
easter echo elbow empire engine equal evening eyebrow fabric falcon farmer feather fiddle finger firefly flower
forest fossil fountain fracture freckle frisbee galaxy garden garlic gazelle ginger giraffe glacier glider goblet golden
gorilla grammar granite guitar hammer harbour hazel helmet hero hockey honey hotel humble hunter iceberg igloo
incense index insect iron island ivory jacket jasmine jelly jigsaw journey juggle jungle kettle keyboard kingdom
kitchen kitten ladder lagoon lantern lemon lentil lesson library lilac lizard lobster lotus lucky magnet mango
maple marble market meadow melon mentor meteor mirror mitten monkey morning mountain muffin museum mustard napkin
nectar needle nickel noodle northern notebook nugget number oasis ocean olive onion orange orchard orchid otter
oven oyster paddle palace panda paper parrot peanut pebble pencil pepper piano picnic pigeon pillow pilot
pirate planet plastic pocket pony poplar potter powder puddle pumpkin puppet purple puzzle quarter quiver rabbit
raccoon radar raisin ramble raven ribbon river robin rocket rosebud saddle sailor salad salmon sandal satin
school seagull shadow silver sister sofa spider spinach stable summer sunset table tailor tiger tunnel velvet
`.trim().split(/\s+/),
  zh: `
橡果 演员 白云 相册 杏仁 琥珀 船锚 天使 苹果 围裙 弓箭 箭头 画家 白杨 地图 秋天
火腿 徽章 面包 竹子 琵琶 篮子 河狸 卧室 棋子 毛毯 花朵 瓶子 荆棘 早餐 气泡 水桶
黄油 纽扣 木屋 芦荟 骆驼 相机 蜡烛 峡谷 木炭 地毯 萝卜 城堡 雪松 樱桃 小鸡 圆圈
柠檬 青草 眼镜 咖啡 彗星 罗盘 铜钱 珊瑚 棉花 表哥 牛仔 火山 蟋蟀 水晶 窗帘 靠垫
宝剑 雏菊 舞者 日光 布鞋 沙漠 钻石 晚饭 医生 海豚 毛驴 恐龙 司机 饺子 老鹰 耳环
彩蛋 回声 手肘 皇帝 引擎 等号 傍晚 眉毛 布料 猎鹰 农夫 羽毛 二胡 手指 萤火 鲜花
森林 化石 喷泉 石膏 雀斑 飞盘 银河 花园 大蒜 羚羊 生姜 斑马 冰川 风筝 酒杯 金色
猩猩 语法 岩石 吉他 锤子 港口 榛子 头盔 英雄 冰球 蜂蜜 酒店 谦虚 猎人 冰山 雪屋
檀香 目录 昆虫 铁锅 海岛 藤蔓 外套 茉莉 果冻 拼图 旅行 杂技 丛林 水壶 键盘 王国
厨房 小猫 梯子 湖泊 灯笼 青柠 扁豆 课堂 书店 丁香 蜥蜴 龙虾 荷花 幸运 磁铁 芒果
枫叶 弹珠 市场 草地 西瓜 导师 流星 镜子 手套 猴子 早晨 高山 蛋糕 展馆 芥末 餐巾
花蜜 绣针 硬币 面条 北方 笔记 金块 数字 绿洲 海洋 橄榄 洋葱 橙子 果园 兰花 水獭
烤箱 牡蛎 船桨 宫殿 熊猫 白纸 鹦鹉 花生 卵石 铅笔 胡椒 钢琴 野餐 鸽子 枕头 飞机
海盗 行星 塑料 口袋 小马 柳树 陶瓷 面粉 水坑 南瓜 木偶 紫色 谜语 季节 箭袋 兔子
浣熊 雷达 葡萄 散步 乌鸦 丝带 河流 麻雀 火箭 玫瑰 马鞍 水手 沙拉 鲑鱼 凉鞋 绸缎
学校 海鸥 影子 银色 姐妹 沙发 蜘蛛 菠菜 马厩 夏天 夕阳 桌子 裁缝 老虎 隧道 丝绒
`.trim().split(/\s+/),
}

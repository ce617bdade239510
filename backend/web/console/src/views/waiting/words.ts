// What codes of waiting and of bans are called on the screen.
import type { BanKind, WaitlistStatus } from '../../model'

export const WAITING: Record<WaitlistStatus, { title: string; tag: string }> = {
  waiting: { title: '等候中', tag: 'tag--info' },
  offered: { title: '已到号，待答复', tag: 'tag--warn' },
  booked: { title: '已预约', tag: 'tag--good' },
  declined: { title: '患者放弃', tag: '' },
  lapsed: { title: '逾期未答复', tag: '' },
  left: { title: '已退出', tag: '' },
  expired: { title: '截止未到号', tag: '' },
  dropped: { title: '不再符合条件', tag: '' },
}

export const BAN: Record<BanKind, string> = { no_show: '爽约', scalping: '倒号', violence: '伤医扰序' }

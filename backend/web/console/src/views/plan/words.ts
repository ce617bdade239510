// What codes of planning are called on the screen.
import type { BookingRule, CalendarDayKind, DayPeriod, GenerationTrouble, Pool } from '../../model'
import { clockText, durationText } from '../../parts/times'

export const PERIOD: Record<DayPeriod, string> = { morning: '上午', afternoon: '下午', night: '夜间' }

export const WEEKDAYS = ['周一', '周二', '周三', '周四', '周五', '周六', '周日'] as const

export const DAY_KIND: Record<CalendarDayKind, string> = { workday: '平常日', holiday: '节假日', makeup: '调休上班' }

export const POOL: Record<Pool, string> = {
  public: '公共',
  miniapp: '小程序',
  kiosk: '自助机',
  window: '窗口',
  phone: '电话',
  referral: '社区与转诊',
  add_on: '加号',
}

/** Channels that a template may keep places for. */
export const QUOTA_POOLS = ['window', 'phone', 'referral', 'kiosk', 'miniapp'] as const satisfies readonly Pool[]

/** Why no session came of a template, and what is to be done. */
export const TROUBLE: Record<GenerationTrouble, { what: string; todo: string }> = {
  doctor_elsewhere: { what: '医生此时段已有其他出诊', todo: '调整其中一场的时间，或安排其他医生' },
  room_taken: { what: '诊室此时段已被占用', todo: '为模板换一间诊室，或调整时间' },
  no_price: { what: '收费项目在这一天没有有效价格', todo: '在价表中维护价格，或更换收费项目' },
  closed: { what: '科室、医生或诊室已停用', todo: '恢复使用，或结束这个模板' },
}

/** A rule's number as people say it: a time of day, yes or no, a length of time, or so many of its unit. */
export function ruleText(rule: Pick<BookingRule, 'form' | 'unit'>, value: number): string {
  if (rule.form === 'clock') return clockText(value)
  if (rule.form === 'switch') return value === 0 ? '关闭' : '开启'
  if (rule.unit === '分钟') return durationText(value)
  return rule.unit === '%' ? `${value}%` : `${value} ${rule.unit}`.trim()
}

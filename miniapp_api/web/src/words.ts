// What an appointment's states are called, and how urgent each is.
import { formatTime, partOfDay, relativeDay, serverClock, yuan } from '@hospital/kit'
import type { Appointment, TicketStatus } from './model'

export { partOfDay }

export type Tone = 'calm' | 'good' | 'wait' | 'call' | 'gone'

export interface Words {
  text: string
  tone: Tone
}

const TICKET: Record<TicketStatus, Words> = {
  waiting: { text: '候诊中', tone: 'good' },
  called: { text: '请就诊', tone: 'call' },
  serving: { text: '就诊中', tone: 'good' },
  passed: { text: '已过号', tone: 'wait' },
  finished: { text: '已就诊', tone: 'gone' },
  cancelled: { text: '已退出排队', tone: 'gone' },
}

export function stateOf(one: Appointment): Words {
  switch (one.status) {
    case 'pending':
      return { text: '待支付', tone: 'wait' }
    case 'booked':
      if (one.fee_due) return mayArrive(one) ? { text: `缴费取号 ${yuan(one.fee_fen)}`, tone: 'wait' } : { text: `到院缴费 ${yuan(one.fee_fen)}`, tone: 'good' }
      return one.can_check_in ? { text: '可以签到', tone: 'good' } : { text: '预约成功', tone: 'good' }
    case 'checked-in':
      return one.ticket === null ? { text: '已签到', tone: 'good' } : TICKET[one.ticket.status]
    case 'fulfilled':
      return { text: '已就诊', tone: 'gone' }
    case 'cancelled':
      return { text: cancelledWords(one), tone: one.payment_status === 'refunding' ? 'wait' : 'gone' }
    case 'noshow':
      return { text: '未就诊', tone: 'gone' }
    case 'entered-in-error':
      return { text: '已作废', tone: 'gone' }
  }
}

/** The time of checking in has come: what keeps the patient from it is the fee. */
export const mayArrive = (one: Appointment): boolean =>
  one.check_in_opens_at !== null && serverClock.now() >= Date.parse(one.check_in_opens_at)

function cancelledWords(one: Appointment): string {
  if (one.payment_status === 'refunding') return '已取消 · 退款中'
  if (one.payment_status === 'refunded') return '已取消 · 已退款'
  if (one.next_id !== null) return '已改约'
  return '已取消'
}

/** Still to come, or under way. */
export function isOpen(one: Appointment): boolean {
  return one.status === 'pending' || one.status === 'booked' || one.status === 'checked-in'
}

const URGENCY: Record<Tone, number> = { call: 0, wait: 1, good: 2, calm: 3, gone: 4 }

/** The one a person should see first: called, then to be paid or passed over, then by time. */
export function nextOf(all: readonly Appointment[]): Appointment | null {
  const open = all.filter(isOpen)
  open.sort((a, b) => URGENCY[stateOf(a).tone] - URGENCY[stateOf(b).tone] || Date.parse(a.starts_at) - Date.parse(b.starts_at))
  return open[0] ?? null
}

/** "今天 上午 09:30" */
export function whenOf(startsAt: string): string {
  return `${relativeDay(startsAt, serverClock.now())} ${partOfDay(startsAt)} ${formatTime(startsAt)}`
}

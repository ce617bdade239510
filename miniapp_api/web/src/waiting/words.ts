// What waiting, moving and being kept from booking are called.
import { formatDateTime, formatDay, formatTime, relativeDay, serverClock, yuan } from '@hospital/kit'
import type { RouteLocationRaw } from 'vue-router'
import { clinicOf, type Message } from '../model'
import type { Words } from '../words'
import type { Ban, DayPeriod, Disruption, MoveOption, Wait } from './calls'

export const PERIODS: Record<DayPeriod, string> = { morning: '上午', afternoon: '下午', night: '夜间' }
export const BAN_KINDS: Record<Ban['kind'], string> = { no_show: '多次预约未就诊', scalping: '疑似倒号', violence: '扰乱就诊秩序' }

const ENDED: Partial<Record<Wait['status'], string>> = {
  declined: '已放弃',
  lapsed: '超时未确认，号已让给下一位',
  left: '已退出候补',
  expired: '没有等到号，候补已截止',
  dropped: '候补已取消',
}

export function waitState(one: Wait): Words {
  if (one.status === 'waiting') return { text: `排在第 ${one.position} 位`, tone: 'wait' }
  if (one.status === 'offered') return { text: '有号了，请确认', tone: 'call' }
  if (one.status === 'booked') return { text: '候补成功', tone: 'good' }
  return { text: ENDED[one.status]!, tone: 'gone' }
}

export const isWaiting = (one: Wait): boolean => one.status === 'waiting' || one.status === 'offered'

/** "李思远 医生" / "专家门诊，不限医生" / "不限医生" */
export function wishOf(one: Pick<Wait, 'doctor' | 'service_kind'>): string {
  if (one.doctor !== null) return one.doctor
  return one.service_kind === null ? '不限医生' : `${clinicOf(one.service_kind)}，不限医生`
}

/** "明天 上午" / "11月26日 周四 上午" */
export function halfDay(day: string, period: DayPeriod): string {
  const near = relativeDay(day, serverClock.now())
  return `${near === '今天' || near === '明天' ? near : formatDay(day)} ${PERIODS[period]}`
}

/** "11月26日 周四 20:00" */
export const untilWords = (moment: string): string => `${formatDay(moment)} ${formatTime(moment)}`

/** What moving does to the money, said before anybody agrees to it. */
type Fee = Pick<MoveOption, 'fee_fen' | 'refund_fen' | 'dearer_fen'> & Partial<Pick<MoveOption, 'pay_first' | 'pay_at_hospital'>>

export function moneyOfMove(option: Fee, isPaid: boolean): string {
  const fee = option.fee_fen === 0 ? '免费' : yuan(option.fee_fen)
  if (option.pay_first === true) return `挂号费 ${fee}，这个号要先付费`
  if (!isPaid && option.pay_at_hospital === true && option.fee_fen > 0) return `挂号费 ${fee}，到院取号前缴费`
  if (option.dearer_fen > 0) return `挂号费 ${fee}，比原来贵 ${yuan(option.dearer_fen)}，不能直接改约`
  if (!isPaid) return option.fee_fen === 0 ? '免费，不用支付' : `挂号费 ${fee}，改约后请在原来的支付时间内付款`
  if (option.refund_fen > 0 && option.fee_fen === 0) return `免费，已付的 ${yuan(option.refund_fen)} 原路退回`
  if (option.refund_fen > 0) return `挂号费 ${fee}，差额 ${yuan(option.refund_fen)} 原路退回`
  return option.fee_fen === 0 ? '免费' : `挂号费 ${fee} 已付，不用再付`
}

export function changeWords(one: Disruption): string {
  return one.kind === 'stop' ? `${one.from_doctor} 医生停诊` : `${one.from_doctor} 医生由 ${one.to_doctor} ${one.to_doctor_title} 替诊`
}

export const banWords = (one: Ban): string =>
  one.live ? `限制线上预约至 ${formatDateTime(one.ends_at)}` : one.lifted_at === null ? `已于 ${formatDateTime(one.ends_at)} 结束` : '已解除'

/** Where a message leads: to what it asks for, else to its appointment. */
export function placeOfMessage(one: Message): RouteLocationRaw | null {
  if (one.kind === 'booking_banned' || one.kind === 'ban_lifted' || one.kind === 'appeal_answered') return { name: 'bans' }
  if (one.kind === 'waitlist_offered' || one.kind === 'waitlist_ended') return { name: 'waits' }
  if (one.e_invoice_id !== null) return { name: 'invoice', params: { id: one.e_invoice_id } }
  return one.appointment_id === null ? null : { name: 'appointment', params: { id: one.appointment_id } }
}

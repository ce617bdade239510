// What money is called on the phone: in words of a receipt, not of a system.
import { formatDate, formatTime, relativeDay, serverClock, type IconName } from '@hospital/kit'
import type { Channel, Movement, OwnBill, Refund, RefundStage, VisitCharges } from './calls'

export const CHANNELS: Record<Channel, string> = {
  wechat_jsapi: '微信支付',
  wechat_native: '微信扫码',
  wechat_codepay: '微信付款码',
  cash: '现金',
  bank_card: '银行卡',
  card_balance: '预存款',
  insurance: '医保',
}

/** Where a refund goes: always the way the money came. */
export const GOES_TO: Record<Channel, string> = {
  wechat_jsapi: '原路退回付款的微信（零钱或银行卡）',
  wechat_native: '原路退回付款的微信（零钱或银行卡）',
  wechat_codepay: '原路退回付款的微信（零钱或银行卡）',
  cash: '到收费窗口领取现金',
  bank_card: '到收费窗口退回原银行卡',
  card_balance: '退回预存款余额',
  insurance: '到收费窗口退回医保账户',
}

export const STAGES: Record<RefundStage, { text: string; tone: 'wait' | 'good' | 'call' }> = {
  requested: { text: '已申请退款', tone: 'wait' },
  processing: { text: '退款处理中', tone: 'wait' },
  at_window: { text: '待到窗口领取', tone: 'call' },
  delayed: { text: '退款延迟，正在处理', tone: 'call' },
  arrived: { text: '已到账', tone: 'good' },
}

export interface Step {
  word: string
  note: string
  is: 'done' | 'now' | 'next'
}

const momentOf = (at: string): string => `${formatDate(at)} ${formatTime(at)}`

/** 已申请 → 处理中 → 已到账, with what a person can expect at each. */
export function stepsOf(refund: Refund): Step[] {
  const over = refund.stage === 'arrived'
  const middle: Record<RefundStage, string> = {
    requested: '正在提交给支付渠道',
    processing: refund.arrives_by === null ? '支付渠道处理中' : `零钱一般几分钟，银行卡一般 1–3 个工作日，最晚 ${formatDate(refund.arrives_by)}`,
    at_window: '请带身份证件到任一收费窗口领取',
    delayed: '支付渠道未能退款，工作人员正在联系处理，款项不会丢失',
    arrived: '支付渠道已受理',
  }
  return [
    { word: '已申请', note: momentOf(refund.requested_at), is: 'done' },
    { word: refund.stage === 'at_window' ? '待领取' : '处理中', note: middle[refund.stage], is: over ? 'done' : 'now' },
    { word: '已到账', note: refund.succeeded_at === null ? '' : momentOf(refund.succeeded_at), is: over ? 'done' : 'next' },
  ]
}

export const MOVEMENTS: Record<Movement['kind'], { text: string; icon: IconName }> = {
  top_up: { text: '充值', icon: 'wallet' },
  spent: { text: '缴费', icon: 'report' },
  returned: { text: '退费退回', icon: 'refresh' },
  withdrawn: { text: '退预存款', icon: 'back' },
}

export function visitTitle(visit: VisitCharges): string {
  if (visit.department === null) return '门诊费用'
  return visit.doctor === null ? visit.department : `${visit.department} · ${visit.doctor}`
}

export const visitWhen = (at: string): string => `${relativeDay(at, serverClock.now())} ${formatTime(at)} 就诊`

/** "1.000" → "1", "0.500" → "0.5": the hospital counts in thousandths, a receipt does not. */
export const count = (quantity: string): string => String(Number(quantity))

export function billState(one: OwnBill): { text: string; tone: 'wait' | 'good' | 'gone' } {
  if (one.status === 'issued') return { text: one.paid_fen > 0 ? '部分已付' : '待支付', tone: 'wait' }
  if (one.status !== 'balanced') return { text: '已取消', tone: 'gone' }
  const back = one.refunds.reduce((sum, refund) => sum + refund.amount_fen, 0)
  if (back === 0) return { text: '已支付', tone: 'good' }
  return { text: back >= one.total_fen ? '已全部退费' : '已部分退费', tone: 'gone' }
}

/** "2026-11-01" → "2026年11月" */
export function monthName(first: string): string {
  const [year, month] = first.split('-').map(Number)
  return `${year}年${month}月`
}

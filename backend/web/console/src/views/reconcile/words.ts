// What the codes of reconciliation are called on the screen.
import { yuan } from '@hospital/kit'
import type { Difference, DifferenceClass, DifferenceStatus, Disposal, ReconciledChannel, Run } from './calls'

export const CHANNEL: Record<ReconciledChannel, string> = {
  wechat: '微信支付',
  cash: '现金',
  bank_card: '银行卡',
  card_balance: '预存款',
  insurance: '医保',
}

export const CLASS: Record<DifferenceClass, { name: string; what: string }> = {
  duplicated_in_bill: { name: '账单重复', what: '同一笔在渠道账单中出现多次' },
  channel_only_payment: { name: '长款', what: '渠道收到了钱，院内没有这笔支付' },
  ours_only_payment: { name: '短款', what: '院内记为已支付，渠道账单没有' },
  merchant_differs: { name: '商户不符', what: '钱进入了另一个商户号或应用' },
  payment_amount_differs: { name: '支付金额不符', what: '渠道与院内的支付金额不同' },
  payment_state_differs: { name: '支付状态不符', what: '一方为已支付，另一方不是' },
  transaction_differs: { name: '渠道单号不符', what: '同一订单，渠道单号与院内所记不同' },
  fee_differs: { name: '手续费不符', what: '手续费与当日其余各笔的费率不一致' },
  channel_only_refund: { name: '渠道多退款', what: '渠道退了款，院内没有这笔退款' },
  ours_only_refund: { name: '院内多退款', what: '院内记为已退，渠道账单没有' },
  refund_order_differs: { name: '退款原单不符', what: '退到了另一笔支付上' },
  refund_amount_differs: { name: '退款金额不符', what: '渠道与院内的退款金额不同' },
  refund_state_differs: { name: '退款状态不符', what: '渠道与院内的退款状态不同' },
  day_differs: { name: '跨日', what: '两边不在同一天，或在等相邻日的账单' },
  ledger_missing: { name: '收款未记账', what: '已收款，总账没有凭证' },
  ledger_amount_differs: { name: '收款记账金额不符', what: '凭证金额与收款不同' },
  refund_ledger_missing: { name: '退款未记账', what: '已退款，总账没有凭证' },
  refund_ledger_amount_differs: { name: '退款记账金额不符', what: '凭证金额与退款不同' },
  ledger_only: { name: '有账无款', what: '总账有凭证，没有对应的收款或退款' },
}

export const STATUS: Record<DifferenceStatus, { name: string; tag: string }> = {
  open: { name: '待处理', tag: 'tag--bad' },
  proposed: { name: '待复核', tag: 'tag--warn' },
  settled: { name: '已处理', tag: 'tag--good' },
  closed: { name: '已自动消除', tag: '' },
}

export const DISPOSAL: Record<Disposal, string> = {
  recorded_later: '已补记入账',
  refunded_outside: '已在渠道侧退回',
  corrected_by_channel: '渠道已更正',
  corrected_in_ledger: '已更正账务',
  written_off: '核销',
  explained: '已查明，属正常',
}

const TROUBLE: Record<string, string> = { BILL_NOT_READY: '账单未生成', NO_ANSWER: '渠道未答复', TAKEN_ELSEWHERE: '稍后重试' }

/** A day's channel in one word. */
export function stateOf(run: Run): { name: string; tag: string } {
  if (run.busy) return { name: '对账中', tag: 'tag--info' }
  if (run.trouble !== null) return { name: TROUBLE[run.trouble] ?? '渠道拒绝', tag: 'tag--warn' }
  if (run.status === 'waiting') return { name: run.has_bill ? '待账单' : '待对账', tag: '' }
  if (run.open_count > 0) return { name: `${run.open_count} 笔待处理`, tag: 'tag--bad' }
  if (run.proposed_count > 0) return { name: `${run.proposed_count} 笔待复核`, tag: 'tag--warn' }
  if (run.arrived) return { name: '已到账', tag: 'tag--good' }
  return { name: run.settled_count > 0 ? '处理后平' : '平', tag: 'tag--good' }
}

/** Words of the channel and of ours, where a code says something to a person. */
export function sayState(word: string | null): string {
  if (word === null) return ''
  return STATES[word] ?? word
}
const STATES: Record<string, string> = {
  SUCCESS: '成功',
  REVOKED: '已撤销',
  PROCESSING: '处理中',
  ABNORMAL: '异常',
  CLOSED: '已关闭',
  NOTPAY: '未支付',
  REFUND: '已转入退款',
  ABSENT: '没有这笔',
  USERPAYING: '支付中',
  PAYERROR: '支付失败',
  open: '未支付',
  closed: '已关闭',
  succeeded: '成功',
  requested: '已申请',
  processing: '处理中',
  abnormal: '异常',
}

/** What one side has: an amount, its word, or nothing. */
export function side(fen: number | null, word: string | null, known: boolean): string {
  if (!known) return '无'
  return [fen === null ? '' : yuan(fen), sayState(word)].filter((part) => part !== '').join(' ') || '有'
}

export const isLedger = (row: Difference): boolean => row.about === 'ledger'

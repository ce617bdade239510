// What states, troubles and differences of e-invoices are called, and what to do about them.
import type { EInvoiceDifference, EInvoiceRow, EInvoiceStatus, PaperStatus } from './calls'

export const KIND: Record<EInvoiceRow['kind'], string> = { registration: '挂号', outpatient: '门诊', inpatient: '住院', check_up: '体检' }

export const STATE: Record<EInvoiceStatus, { text: string; tag: string }> = {
  requested: { text: '开票中', tag: 'tag--info' },
  issued: { text: '已开票', tag: 'tag--good' },
  failed: { text: '开票失败', tag: 'tag--bad' },
  cancelled: { text: '已取消', tag: '' },
  reversing: { text: '冲红中', tag: 'tag--info' },
  reversed: { text: '已冲红', tag: 'tag--warn' },
  'reversal-failed': { text: '冲红失败', tag: 'tag--bad' },
}

export const isWaiting = (row: EInvoiceRow): boolean => row.status === 'failed' || row.status === 'reversal-failed'
export const isUnderWay = (row: EInvoiceRow): boolean =>
  row.status === 'requested' || row.status === 'reversing' || row.paper_status === 'requested' || row.paper_status === 'voiding'

export const PAPER: Record<PaperStatus, { text: string; tag: string }> = {
  requested: { text: '换开中', tag: 'tag--info' },
  printed: { text: '已换开', tag: 'tag--good' },
  refused: { text: '未换开', tag: '' },
  failed: { text: '换开结果未知', tag: 'tag--bad' },
  voiding: { text: '作废中', tag: 'tag--info' },
  void: { text: '已作废', tag: 'tag--warn' },
  'void-failed': { text: '作废失败', tag: 'tag--bad' },
}

/** What to do, by the kind of trouble: nobody answered, or the platform said no in its own words. */
export function todoOf(row: EInvoiceRow): string {
  const code = row.failure_code ?? ''
  if (code === 'OTHER_AMOUNT') return '平台登记的金额与结算单不同，请联系平台核实，不要重试'
  if (code === 'BAD_ANSWER') return '平台应答不可信，请联系平台检查密钥后重试'
  if (code === 'OFF') return '本院未接入平台，请联系信息科'
  if (code === 'NO_ANSWER' || code === 'CONTRADICTION' || code.startsWith('HTTP_') || code.startsWith('S9') || code.startsWith('E1')) {
    return '平台恢复后重试；沿用原流水号，不会重复开票'
  }
  return '平台拒绝，请按其说明处理后重试'
}

export const DIFFERENCE: Record<EInvoiceDifference['kind'], { text: string; todo: string }> = {
  missing_there: { text: '平台没有', todo: '本院有票号而平台查不到，请联系平台' },
  missing_here: { text: '本院没有', todo: '平台多出的票，请核实后在平台冲红' },
  amount_differs: { text: '金额不同', todo: '请联系平台核实金额' },
  not_issued: { text: '已结清未开票', todo: '可在此补开' },
  total_differs: { text: '平台合计与明细不符', todo: '平台自身不一致，稍后重新核对' },
}

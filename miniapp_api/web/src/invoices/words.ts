// What e-invoices and their states are called. What the hospital still has to sort out is "under way" to its patient.
import type { Words } from '../words'
import type { EInvoice } from './calls'

export const KINDS: Record<EInvoice['kind'], string> = { registration: '挂号票据', outpatient: '门诊票据', inpatient: '住院票据', check_up: '体检票据' }

const STATES: Record<EInvoice['status'], Words> = {
  requested: { text: '正在开具', tone: 'wait' },
  failed: { text: '正在开具', tone: 'wait' },
  issued: { text: '有效', tone: 'good' },
  reversing: { text: '退费作废中', tone: 'wait' },
  'reversal-failed': { text: '退费作废中', tone: 'wait' },
  reversed: { text: '已作废', tone: 'gone' },
  cancelled: { text: '未开具', tone: 'gone' },
}

/** A copy on paper is what is claimed with; after a refund it has to come back first. */
export function stateOf(one: Pick<EInvoice, 'status' | 'paper_no' | 'paper_wanted'>): Words {
  if (one.paper_wanted) return { text: '待收回纸质票', tone: 'wait' }
  return one.paper_no !== null && one.status === 'issued' ? { text: '已换开纸质票', tone: 'good' } : STATES[one.status]
}
export const isUnderWay = (one: Pick<EInvoice, 'status'>): boolean => STATES[one.status].tone === 'wait'
/** A red document was made against it: it proves nothing any more. */
export const isVoid = (one: Pick<EInvoice, 'status'>): boolean => one.status === 'reversed'

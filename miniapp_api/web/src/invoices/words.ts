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

export const stateOf = (one: Pick<EInvoice, 'status'>): Words => STATES[one.status]
export const isUnderWay = (one: Pick<EInvoice, 'status'>): boolean => STATES[one.status].tone === 'wait'
/** A red document was made against it: it proves nothing any more. */
export const isVoid = (one: Pick<EInvoice, 'status'>): boolean => one.status === 'reversed'

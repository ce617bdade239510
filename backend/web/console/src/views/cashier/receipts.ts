// What stands on a printed receipt, whatever it is for.
import type { BillMoney, Patient, Payment, ReceiptKind, Refund, RefundLineWanted } from '../../model'
import { FEE } from '../../words'
import { CHANNEL } from './words'

export interface Amount {
  name: string
  fen: number
}

export interface Printed {
  kind: ReceiptKind
  receiptNo: string | null
  patientName: string
  patientNo: string
  billNo: string | null
  lines: (Amount & { quantity: string })[]
  categories: Amount[]
  tenders: Amount[]
  totalFen: number
  tenderedFen: number | null
  changeFen: number
  note: string
  at: string
  again: boolean
}

type Whose = Pick<Patient, 'name' | 'patient_no'>

/** "2.000" → "2", "0.500" → "0.5". */
export const quantityText = (quantity: string): string => (quantity.includes('.') ? quantity.replace(/\.?0+$/, '') : quantity)

export function paymentReceipt(money: BillMoney, whose: Whose, given: { changeFen?: number; again?: boolean } = {}): Printed {
  const { invoice } = money
  const standing = money.receipts.find((one) => one.kind === 'payment' && one.voided_at === null)
  const categories = new Map<string, number>()
  for (const item of invoice.items) categories.set(FEE[item.category], (categories.get(FEE[item.category]) ?? 0) + item.amount_fen)
  return {
    kind: 'payment',
    receiptNo: standing?.receipt_no ?? null,
    patientName: whose.name,
    patientNo: whose.patient_no,
    billNo: invoice.invoice_no,
    lines: invoice.items.map((item) => ({ name: item.name, quantity: `${quantityText(item.quantity)}${item.unit}`, fen: item.amount_fen })),
    categories: [...categories].map(([name, fen]) => ({ name, fen })),
    tenders: tendersOf(money.payments),
    totalFen: invoice.total_fen,
    tenderedFen: given.changeFen ? cashOf(money.payments) + given.changeFen : null,
    changeFen: given.changeFen ?? 0,
    note: '',
    at: standing?.issued_at ?? invoice.issued_at,
    again: given.again ?? false,
  }
}

export function refundReceipt(money: BillMoney, whose: Whose, made: readonly Refund[], lines: readonly RefundLineWanted[]): Printed {
  const channels = new Map(money.payments.map((one) => [one.id, CHANNEL[one.channel]]))
  const items = new Map(money.invoice.items.map((one) => [one.id, one]))
  return {
    kind: 'refund',
    receiptNo: made.map((one) => one.receipt_no ?? one.out_refund_no).join(' '),
    patientName: whose.name,
    patientNo: whose.patient_no,
    billNo: money.invoice.invoice_no,
    lines: lines.flatMap((line) => {
      const item = items.get(line.charge_item_id)
      return item === undefined ? [] : [{ name: item.name, quantity: `${quantityText(String(line.quantity))}${item.unit}`, fen: 0 }]
    }),
    categories: [],
    tenders: made.map((one) => ({
      name: `${channels.get(one.intent_id) ?? ''}${one.status === 'succeeded' ? '' : '（待退）'}`,
      fen: one.amount_fen,
    })),
    totalFen: made.reduce((sum, one) => sum + one.amount_fen, 0),
    tenderedFen: null,
    changeFen: 0,
    note: made[0]?.reason ?? '',
    at: made[0]?.requested_at ?? money.invoice.issued_at,
    again: false,
  }
}

export function topUpReceipt(payment: Payment, whose: Whose, given: { note?: string; again?: boolean } = {}): Printed {
  return {
    kind: 'top_up',
    receiptNo: payment.receipt_no,
    patientName: whose.name,
    patientNo: whose.patient_no,
    billNo: null,
    lines: [],
    categories: [{ name: '预存款', fen: payment.amount_fen }],
    tenders: [{ name: CHANNEL[payment.channel], fen: payment.amount_fen }],
    totalFen: payment.amount_fen,
    tenderedFen: payment.change_fen ? payment.amount_fen + payment.change_fen : null,
    changeFen: payment.change_fen ?? 0,
    note: given.note ?? '',
    at: payment.succeeded_at ?? payment.pay_until,
    again: given.again ?? false,
  }
}

function tendersOf(payments: readonly Payment[]): Amount[] {
  return payments.filter((one) => one.applied).map((one) => ({ name: CHANNEL[one.channel], fen: one.amount_fen }))
}

/** Cash in the drawer for these. */
export function cashOf(payments: readonly Payment[]): number {
  return payments.filter((one) => one.applied && one.channel === 'cash').reduce((sum, one) => sum + one.amount_fen, 0)
}

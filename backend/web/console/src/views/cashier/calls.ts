import type {
  BillOpenCharges,
  ChargeCode,
  ChargeTopUp,
  CloseShift,
  NoteCount,
  OpenShift,
  PayWithCard,
  RecordTender,
  RecordTopUp,
  RefundAtCounter,
  RefundCardAtCounter,
  RefundLineWanted,
  ShowCode,
  TakeCash,
  TakeCashTopUp,
} from '../../model'
import { api } from '../../session'

// Paying

export const openCharges = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/charges', { path: { patient_id: patientId }, signal })

export const visitsOf = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/visits', { path: { patient_id: patientId }, signal })

export const billsOf = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/invoices', { path: { patient_id: patientId }, signal })

/** Booked places whose fee is paid at the hospital (待缴挂号费). */
export const feesDue = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/fees-due', { path: { patient_id: patientId }, signal })

export const billFee = (appointmentId: string, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/bill', { path: { appointment_id: appointmentId }, idempotencyKey })

export const checkIn = (appointmentId: string, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/check-in', { path: { appointment_id: appointmentId }, body: {}, idempotencyKey })

export const billNumbered = (number: string, signal?: AbortSignal) =>
  api.call('GET', '/invoices', { query: { number }, signal })

export const billMoney = (invoiceId: string, signal?: AbortSignal) =>
  api.call('GET', '/invoices/{invoice_id}', { path: { invoice_id: invoiceId }, signal })

export const billCharges = ({ patientId, ...body }: BillOpenCharges & { patientId: string }, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/invoices', { path: { patient_id: patientId }, body, idempotencyKey })

export const unbill = (invoiceId: string, idempotencyKey: string) =>
  api.call('POST', '/invoices/{invoice_id}/unbill', { path: { invoice_id: invoiceId }, idempotencyKey })

export const releasePaid = ({ id, reason }: { id: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/invoices/{invoice_id}/release', { path: { invoice_id: id }, body: { reason }, idempotencyKey })

/** One tender for a bill; its kind is its address. */
export type Tender =
  | { kind: 'cash'; body: TakeCash }
  | { kind: 'card'; body: PayWithCard }
  | { kind: 'bank-card'; body: RecordTender }
  | { kind: 'insurance'; body: RecordTender }
  | { kind: 'payment-code'; body: ChargeCode }

export function pay({ id, tender }: { id: string; tender: Tender }, idempotencyKey: string) {
  const path = { invoice_id: id }
  switch (tender.kind) {
    case 'cash':
      return api.call('POST', '/invoices/{invoice_id}/cash', { path, body: tender.body, idempotencyKey })
    case 'card':
      return api.call('POST', '/invoices/{invoice_id}/card', { path, body: tender.body, idempotencyKey })
    case 'bank-card':
      return api.call('POST', '/invoices/{invoice_id}/bank-card', { path, body: tender.body, idempotencyKey })
    case 'insurance':
      return api.call('POST', '/invoices/{invoice_id}/insurance', { path, body: tender.body, idempotencyKey })
    case 'payment-code':
      return api.call('POST', '/invoices/{invoice_id}/payment-code', { path, body: tender.body, idempotencyKey })
  }
}

export const showCode = ({ id, ...body }: ShowCode & { id: string }, idempotencyKey: string) =>
  api.call('POST', '/invoices/{invoice_id}/code-to-scan', { path: { invoice_id: id }, body, idempotencyKey })

export const askPayment = (intentId: string, signal?: AbortSignal) =>
  api.call('POST', '/payments/{intent_id}/check', { path: { intent_id: intentId }, signal })

export const askReceipt = (invoiceId: string, idempotencyKey: string) =>
  api.call('POST', '/invoices/{invoice_id}/receipts', { path: { invoice_id: invoiceId }, idempotencyKey })

// Refunds

export const previewRefund = (invoiceId: string, lines: RefundLineWanted[], signal?: AbortSignal) =>
  api.call('POST', '/invoices/{invoice_id}/refund-preview', { path: { invoice_id: invoiceId }, body: { lines }, signal })

export const refundBill = ({ id, ...body }: RefundAtCounter & { id: string }, idempotencyKey: string) =>
  api.call('POST', '/invoices/{invoice_id}/refunds', { path: { invoice_id: id }, body, idempotencyKey })

export const refundsWaiting = (signal?: AbortSignal) => api.call('GET', '/refunds/waiting', { signal })

export const payOut = ({ id, reference }: { id: string; reference: string | null }, idempotencyKey: string) =>
  api.call('POST', '/refunds/{refund_id}/pay-out', { path: { refund_id: id }, body: { reference }, idempotencyKey })

// Paid ahead

export const cardOf = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/card', { path: { patient_id: patientId }, signal })

/** Money ahead; its kind is its address. */
export type TopUp =
  | { kind: 'cash'; body: TakeCashTopUp }
  | { kind: 'bank-card'; body: RecordTopUp }
  | { kind: 'payment-code'; body: ChargeTopUp }

export function topUp({ patientId, money }: { patientId: string; money: TopUp }, idempotencyKey: string) {
  const path = { patient_id: patientId }
  switch (money.kind) {
    case 'cash':
      return api.call('POST', '/patients/{patient_id}/card/cash', { path, body: money.body, idempotencyKey })
    case 'bank-card':
      return api.call('POST', '/patients/{patient_id}/card/bank-card', { path, body: money.body, idempotencyKey })
    case 'payment-code':
      return api.call('POST', '/patients/{patient_id}/card/payment-code', { path, body: money.body, idempotencyKey })
  }
}

export const refundCard = ({ patientId, ...body }: RefundCardAtCounter & { patientId: string }, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/card/refunds', { path: { patient_id: patientId }, body, idempotencyKey })

// Drawers and shifts

export const myShift = (signal?: AbortSignal) => api.call('GET', '/my/shift', { signal })

export const drawers = (signal?: AbortSignal) => api.call('GET', '/drawers', { signal })

export const openShift = (body: OpenShift, idempotencyKey: string) => api.call('POST', '/shifts', { body, idempotencyKey })

export const shiftReport = (shiftId: string, signal?: AbortSignal) =>
  api.call('GET', '/shifts/{shift_id}/report', { path: { shift_id: shiftId }, signal })

export const closeShift = (
  { shiftId, ...body }: CloseShift & { shiftId: string; notes: NoteCount[] },
  idempotencyKey: string,
) => api.call('POST', '/shifts/{shift_id}/close', { path: { shift_id: shiftId }, body, idempotencyKey })

export const depositCash = (amountFen: number, idempotencyKey: string) =>
  api.call('POST', '/cash-deposits', { body: { amount_fen: amountFen }, idempotencyKey })

// Receipts

export const seriesOf = (drawerId: string, day: string, signal?: AbortSignal) =>
  api.call('GET', '/receipt-series', { query: { drawer_id: drawerId, day }, signal })

export const voidReceipt = ({ id, reason }: { id: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/receipts/{receipt_id}/void', { path: { receipt_id: id }, body: { reason }, idempotencyKey })

// The end of the day

export const accountingDays = (signal?: AbortSignal) => api.call('GET', '/accounting-days', { signal })

export const dayReport = (day: string, signal?: AbortSignal) => api.call('GET', '/day-report', { query: { day }, signal })

export const closeDay = (day: string, idempotencyKey: string) =>
  api.call('POST', '/accounting-days/close', { body: { day }, idempotencyKey })

export const journalsOf = (day: string, signal?: AbortSignal) => api.call('GET', '/journals', { query: { day }, signal })

export const correctJournal = ({ id, reason }: { id: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/journals/{entry_id}/correct', { path: { entry_id: id }, body: { reason }, idempotencyKey })

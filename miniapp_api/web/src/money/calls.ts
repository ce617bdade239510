// Money: bills, payments, the card. Shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api } from '../session'

type Schemas = components['schemas']

export type OpenMoney = Schemas['OpenMoney']
export type VisitCharges = Schemas['VisitCharges']
export type Bill = Schemas['BillPage']
export type OwnBill = Schemas['OwnBill']
export type Tender = Schemas['Tender']
export type Refund = Schemas['RefundProgress']
export type RefundStage = Schemas['RefundStage']
export type Channel = Schemas['PaymentChannel']
export type PayHow = Schemas['PayHow']
export type MoneyMonth = Schemas['MoneyMonth']
export type MoneyEntry = Schemas['MoneyEntry']
export type Payment = Schemas['OwnPayment']
export type Card = Schemas['OwnCard']
export type Movement = Schemas['CardMovement']
export type Due = Schemas['DueOfPatient']

const PAYING_MS = 15_000

export const dues = (signal?: AbortSignal) => api.call('GET', '/bills', { signal })
export const openMoney = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/bills', { path: { patient_id: patientId }, signal })
export const makeBill = (patientId: string, chargeItemIds: string[], idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/bills', {
    path: { patient_id: patientId },
    body: { charge_item_ids: chargeItemIds },
    idempotencyKey,
  })
export const bill = (id: string, signal?: AbortSignal) => api.call('GET', '/bills/{invoice_id}', { path: { invoice_id: id }, signal })
export const payBill = (id: string, how: PayHow, idempotencyKey: string) =>
  api.call('POST', '/bills/{invoice_id}/pay', { path: { invoice_id: id }, body: { how }, idempotencyKey, timeoutMs: PAYING_MS })
/** Each look is a question of its own: a repeated key would bring the old answer. */
export const checkBill = (id: string) =>
  api.call('POST', '/bills/{invoice_id}/payment-check', { path: { invoice_id: id }, timeoutMs: PAYING_MS })
export const cancelBill = (id: string, idempotencyKey: string) =>
  api.call('POST', '/bills/{invoice_id}/cancel', { path: { invoice_id: id }, idempotencyKey })
export const askReceipt = (id: string, idempotencyKey: string) =>
  api.call('POST', '/bills/{invoice_id}/receipt', { path: { invoice_id: id }, idempotencyKey })
export const receipt = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/bills/{invoice_id}/receipt', { path: { invoice_id: id }, signal })

export const payments = (month: string | null, patient_id: string | null, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/payments', { query: { month, patient_id, cursor }, signal })
export const payment = (id: string, signal?: AbortSignal) => api.call('GET', '/payments/{payment_id}', { path: { payment_id: id }, signal })
export const checkPayment = (id: string) =>
  api.call('POST', '/payments/{payment_id}/check', { path: { payment_id: id }, timeoutMs: PAYING_MS })

export const card = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/card', { path: { patient_id: patientId }, signal })
export const movements = (patientId: string, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/card/movements', { path: { patient_id: patientId }, query: { cursor }, signal })
export const topUp = (patientId: string, amountFen: number, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/card/top-ups', {
    path: { patient_id: patientId },
    body: { amount_fen: amountFen },
    idempotencyKey,
    timeoutMs: PAYING_MS,
  })
/** `amountFen` null: all of it, whatever that is by then. */
export const withdraw = (patientId: string, amountFen: number | null, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/card/refunds', { path: { patient_id: patientId }, body: { amount_fen: amountFen }, idempotencyKey })

export const unread = (signal?: AbortSignal) => api.call('GET', '/messages/unread', { signal })
export const readAll = (idempotencyKey: string) => api.call('POST', '/messages/read-all', { idempotencyKey })

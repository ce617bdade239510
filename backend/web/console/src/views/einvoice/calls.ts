// E-invoices at the cashier's desk.
import type { components } from '@hospital/kit'
import { api } from '../../session'

type Schemas = components['schemas']
export type EInvoiceRow = Schemas['EInvoiceRow']
export type EInvoiceStatus = Schemas['EInvoiceStatus']
export type EInvoiceCheck = Schemas['EInvoiceCheckView']
export type EInvoiceDifference = Schemas['EInvoiceDifferenceView']
export type PaperStatus = Schemas['PaperStatus']
export type PaperStock = Schemas['PaperStockView']
export type PaperCopy = Schemas['PaperCopyView']
export type HandOutBlanks = Schemas['HandOutBlanks']

export interface EInvoiceFilter {
  /** One state, or `waiting` for those that wait for a person. */
  state: EInvoiceStatus | 'waiting' | 'all'
  number: string
}

export const eInvoices = (filter: EInvoiceFilter, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/e-invoices', {
    query: {
      status: filter.state === 'all' || filter.state === 'waiting' ? null : filter.state,
      waiting: filter.state === 'waiting',
      number: filter.number,
      cursor,
    },
    signal,
  })
export const eInvoiceCounts = (signal?: AbortSignal) => api.call('GET', '/e-invoices/counts', { signal })
export const retryEInvoice = (id: string, idempotencyKey: string) =>
  api.call('POST', '/e-invoices/{e_invoice_id}/retry', { path: { e_invoice_id: id }, idempotencyKey })
export const retryUnanswered = (_: null, idempotencyKey: string) => api.call('POST', '/e-invoices/retry-unanswered', { idempotencyKey })
export const issueFor = (invoiceId: string, idempotencyKey: string) =>
  api.call('POST', '/invoices/{invoice_id}/e-invoice', { path: { invoice_id: invoiceId }, idempotencyKey })

export const checks = (signal?: AbortSignal) => api.call('GET', '/e-invoice-checks', { signal })
export const check = (id: string, signal?: AbortSignal) => api.call('GET', '/e-invoice-checks/{check_id}', { path: { check_id: id }, signal })
export const checkDay = (day: string, idempotencyKey: string) =>
  api.call('POST', '/e-invoice-checks', { body: { day }, idempotencyKey, timeoutMs: 60_000 })

// Paper copies

export const paperStocks = (signal?: AbortSignal) => api.call('GET', '/paper-stocks', { signal })
export const handOut = (body: HandOutBlanks, idempotencyKey: string) => api.call('POST', '/paper-stocks', { body, idempotencyKey })
export const paperCopies = (stockId: string, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/paper-stocks/{stock_id}/copies', { path: { stock_id: stockId }, query: { cursor }, signal })
export const spoilBlank = ({ stockId, ...body }: { stockId: string; paper_no: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/paper-stocks/{stock_id}/spoil', { path: { stock_id: stockId }, body, idempotencyKey, timeoutMs: 30_000 })
export const returnBlanks = ({ stockId, ...body }: { stockId: string; paper_no: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/paper-stocks/{stock_id}/return', { path: { stock_id: stockId }, body, idempotencyKey })
export const printPaper = ({ id, paper_no }: { id: string; paper_no: string }, idempotencyKey: string) =>
  api.call('POST', '/e-invoices/{e_invoice_id}/paper', { path: { e_invoice_id: id }, body: { paper_no }, idempotencyKey, timeoutMs: 30_000 })
export const takeBackPaper = ({ id, reason }: { id: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/paper-copies/{paper_id}/take-back', { path: { paper_id: id }, body: { reason }, idempotencyKey, timeoutMs: 30_000 })
export const retryPaper = (id: string, idempotencyKey: string) =>
  api.call('POST', '/paper-copies/{paper_id}/retry', { path: { paper_id: id }, idempotencyKey, timeoutMs: 30_000 })

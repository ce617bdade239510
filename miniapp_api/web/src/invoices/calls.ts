// Medical e-invoices of everybody this account may act for.
import type { components } from '@hospital/kit'
import { api } from '../session'

type Schemas = components['schemas']
export type EInvoice = Schemas['EInvoiceView']
export type EInvoiceDetail = Schemas['EInvoiceDetail']

export const eInvoices = (cursor: string | null, signal?: AbortSignal) => api.call('GET', '/e-invoices', { query: { cursor }, signal })
export const eInvoice = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/e-invoices/{e_invoice_id}', { path: { e_invoice_id: id }, signal })

// Every call of the phone, in one place. Writes take the key of the act they belong to.
import type {
  Appointment, Department, Doctor, Message, Page, PatientLink, PaymentStarted, ProofCodeSent, QueuePlace, Relation, Sex, Slot,
} from './model'
import { api, front, type Session } from './session'
import type { DocumentKind } from './documents'

export const signIn = (code: string) => front.request<Session>('POST', '/sessions', { body: { code } })
export const bindPhone = (code: string, idempotencyKey?: string) =>
  api.request<{ phone_masked: string }>('POST', '/phone', { body: { code }, ...keyed(idempotencyKey) })

export const patients = (signal?: AbortSignal) => api.request<Page<PatientLink>>('GET', '/patients', given(signal))

export interface NewPatient {
  name: string
  relation: Relation
  document_kind: DocumentKind
  document_no: string
  sex?: Sex
  birth_date?: string
  phone?: string
}
export const addPatient = (body: NewPatient, idempotencyKey: string) =>
  api.request<PatientLink>('POST', '/patients', { body, idempotencyKey })
export const sendProofCode = (linkId: string, idempotencyKey: string) =>
  api.request<ProofCodeSent>('POST', `/patients/${linkId}/proof-codes`, { body: {}, idempotencyKey })
export const prove = (linkId: string, code: string, idempotencyKey: string) =>
  api.request<PatientLink>('POST', `/patients/${linkId}/prove`, { body: { code }, idempotencyKey })
export const revoke = (linkId: string, idempotencyKey: string) =>
  api.request('POST', `/patients/${linkId}/revoke`, { body: {}, idempotencyKey })

export const departments = (signal?: AbortSignal) => api.request<Page<Department>>('GET', '/departments', given(signal))
export const doctors = (departmentId: string, day: string, signal?: AbortSignal) =>
  api.request<Page<Doctor>>('GET', `/departments/${departmentId}/doctors`, { query: { day }, ...given(signal) })
export const slots = (scheduleId: string, signal?: AbortSignal) =>
  api.request<Page<Slot>>('GET', `/schedules/${scheduleId}/slots`, given(signal))

export interface Booking {
  patient_id: string
  schedule_id: string
  slot_id: string
}
export const book = (body: Booking, idempotencyKey: string) =>
  api.request<Appointment>('POST', '/appointments', { body, idempotencyKey })

export const appointments = (cursor: string | null, signal?: AbortSignal) =>
  api.request<Page<Appointment>>('GET', '/appointments', { query: { cursor }, ...given(signal) })
export const appointment = (id: string, signal?: AbortSignal) =>
  api.request<Appointment>('GET', `/appointments/${id}`, given(signal))
export const cancel = (id: string, idempotencyKey: string) =>
  api.request<Appointment>('POST', `/appointments/${id}/cancel`, { body: {}, idempotencyKey })
export const pay = (id: string, idempotencyKey: string) =>
  api.request<PaymentStarted>('POST', `/appointments/${id}/pay`, { body: {}, idempotencyKey, timeoutMs: 15_000 })
/** Each look is a question of its own: a repeated key would bring the old answer. */
export const checkPayment = (id: string) =>
  api.request<Appointment>('POST', `/appointments/${id}/payment-check`, { body: {}, timeoutMs: 15_000 })

export const checkInCode = (id: string, signal?: AbortSignal) =>
  api.request<Blob>('GET', `/appointments/${id}/qr.svg`, { as: 'blob', ...given(signal) })
export const queuePlace = (id: string, signal?: AbortSignal) =>
  api.request<QueuePlace>('GET', `/appointments/${id}/queue-place`, given(signal))

export const messages = (signal?: AbortSignal) => api.request<Page<Message>>('GET', '/messages', given(signal))
export const markRead = (id: string) => api.request('POST', `/messages/${id}/read`, { body: {} })

function given(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

function keyed(idempotencyKey: string | undefined): { idempotencyKey?: string } {
  return idempotencyKey === undefined ? {} : { idempotencyKey }
}

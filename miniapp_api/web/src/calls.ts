// Every call of the phone, in one place. Writes take the key of the act they belong to.
import type { BookAppointment, NewPatient, PayHow } from './model'
import { api, front } from './session'

export const signIn = (code: string) => front.call('POST', '/sessions', { body: { code } })
export const bindPhone = (code: string, idempotencyKey?: string) =>
  api.call('POST', '/phone', { body: { code }, idempotencyKey })

export const patients = (signal?: AbortSignal) => api.call('GET', '/patients', { signal })
export const addPatient = (body: NewPatient, idempotencyKey: string) => api.call('POST', '/patients', { body, idempotencyKey })
export const sendProofCode = (linkId: string, idempotencyKey: string) =>
  api.call('POST', '/patients/{link_id}/proof-codes', { path: { link_id: linkId }, idempotencyKey })
export const prove = (linkId: string, code: string, idempotencyKey: string) =>
  api.call('POST', '/patients/{link_id}/prove', { path: { link_id: linkId }, body: { code }, idempotencyKey })
export const revoke = (linkId: string, idempotencyKey: string) =>
  api.call('POST', '/patients/{link_id}/revoke', { path: { link_id: linkId }, idempotencyKey })

export const prefer = (linkId: string, idempotencyKey: string) =>
  api.call('POST', '/patients/{link_id}/prefer', { path: { link_id: linkId }, idempotencyKey })

export const departments = (signal?: AbortSignal) => api.call('GET', '/departments', { signal })
export const doctors = (departmentId: string, day: string, signal?: AbortSignal) =>
  api.call('GET', '/departments/{department_id}/doctors', { path: { department_id: departmentId }, query: { day }, signal })
export const slots = (scheduleId: string, signal?: AbortSignal) =>
  api.call('GET', '/schedules/{schedule_id}/slots', { path: { schedule_id: scheduleId }, signal })

export const book = (body: BookAppointment, idempotencyKey: string) =>
  api.call('POST', '/appointments', { body, idempotencyKey })

export const appointments = (cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/appointments', { query: { cursor }, signal })
export const appointment = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}', { path: { appointment_id: id }, signal })
export const cancel = (id: string, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/cancel', { path: { appointment_id: id }, idempotencyKey })
export const feeToPay = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}/fee', { path: { appointment_id: id }, signal })
export const pay = (id: string, how: PayHow, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/pay', { path: { appointment_id: id }, body: { how }, idempotencyKey, timeoutMs: 15_000 })
/** Each look is a question of its own: a repeated key would bring the old answer. */
export const checkPayment = (id: string) =>
  api.call('POST', '/appointments/{appointment_id}/payment-check', { path: { appointment_id: id }, timeoutMs: 15_000 })

export const checkInCode = (id: string, signal?: AbortSignal) =>
  api.request<Blob>('GET', `/appointments/${id}/qr.svg`, { as: 'blob', signal })
export const queuePlace = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}/queue-place', { path: { appointment_id: id }, signal })

export const messages = (cursor: string | null, signal?: AbortSignal) => api.call('GET', '/messages', { query: { cursor }, signal })
export const messageTemplates = (signal?: AbortSignal) => api.call('GET', '/message-templates', { signal })
export const markRead = (id: string) =>
  api.call('POST', '/messages/{notification_id}/read', { path: { notification_id: id } })

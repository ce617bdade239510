import { api } from '../../session'
import type {
  BreakGlass,
  LinkedAccount,
  Merge,
  Page,
  Patient,
  PatientFound,
  Priority,
  RegisterPatient,
  Schedule,
  WalkInTicket,
} from '../../model'

export const searchPatients = (q: string, signal?: AbortSignal) =>
  api.request<Page<Patient>>('GET', '/patients', { query: { q }, signal })

export const patient = (id: string, signal?: AbortSignal) => api.request<Patient>('GET', `/patients/${id}`, { signal })

export const linkedAccounts = (patientId: string, signal?: AbortSignal) =>
  api.request<Page<LinkedAccount>>('GET', `/patients/${patientId}/accounts`, { signal })

export const proveAccount = (patientId: string, accountId: string, idempotencyKey: string) =>
  api.request<{ proven: number }>('POST', `/patients/${patientId}/accounts/${accountId}/prove`, { idempotencyKey })

export const registerPatient = (body: RegisterPatient, idempotencyKey: string) =>
  api.request<PatientFound>('POST', '/patients', { body, idempotencyKey })

export const openInEmergency = (patientId: string, reason: string, idempotencyKey: string) =>
  api.request<BreakGlass>('POST', `/patients/${patientId}/break-glass`, { body: { reason }, idempotencyKey })

export const mergePatients = (body: { source_id: string; survivor_id: string; reason: string }, idempotencyKey: string) =>
  api.request<Merge>('POST', '/patients/merge', { body, idempotencyKey })

export const unmergePatients = (body: { source_id: string; reason: string }, idempotencyKey: string) =>
  api.request<Merge>('POST', '/patients/unmerge', { body, idempotencyKey })

export const schedulesOf = (day: string, signal?: AbortSignal) =>
  api.request<Page<Schedule>>('GET', '/schedules', { query: { day }, signal })

export interface WalkIn {
  patient_id: string
  schedule_id: string
  tendered_fen: number
  priority?: Priority
}

export const registerWalkIn = (body: WalkIn, idempotencyKey: string) =>
  api.request<WalkInTicket>('POST', '/walk-ins', { body, idempotencyKey })

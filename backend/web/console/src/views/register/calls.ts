import type {
  Allergy,
  CompleteTemporaryFile,
  MergePatients,
  RecordAllergy,
  RegisterPatient,
  UnmergePatients,
  WalkIn,
} from '../../model'
import { api } from '../../session'

export const searchPatients = (q: string, signal?: AbortSignal) => api.call('GET', '/patients', { query: { q }, signal })

export const patient = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}', { path: { patient_id: id }, signal })

export const linkedAccounts = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/accounts', { path: { patient_id: patientId }, signal })

export const proveAccount = (patientId: string, accountId: string, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/accounts/{account_id}/prove', {
    path: { patient_id: patientId, account_id: accountId },
    idempotencyKey,
  })

export const registerPatient = (body: RegisterPatient, idempotencyKey: string) =>
  api.call('POST', '/patients', { body, idempotencyKey })

export const openInEmergency = (patientId: string, reason: string, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/break-glass', { path: { patient_id: patientId }, body: { reason }, idempotencyKey })

export const mergePatients = (body: MergePatients, idempotencyKey: string) =>
  api.call('POST', '/patients/merge', { body, idempotencyKey })

export const unmergePatients = (body: UnmergePatients, idempotencyKey: string) =>
  api.call('POST', '/patients/unmerge', { body, idempotencyKey })

export const schedulesOf = (day: string, signal?: AbortSignal) => api.call('GET', '/schedules', { query: { day }, signal })

export const registerWalkIn = (body: WalkIn, idempotencyKey: string) =>
  api.call('POST', '/walk-ins', { body, idempotencyKey })

/** Who the code on a patient's phone is: it works once, so a repeat after a lost answer carries the same key. */
export const identifyPatient = (code: string, idempotencyKey: string) =>
  api.call('POST', '/patients/identify', { body: { code }, idempotencyKey })

/** Numbers name people: they travel in the body, never in an address. */
export const lookUpPatient = (number: string, idempotencyKey: string) =>
  api.call('POST', '/patients/look-up', { body: { number }, idempotencyKey })

export const completeFile = (patientId: string, body: CompleteTemporaryFile, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/complete', { path: { patient_id: patientId }, body, idempotencyKey })

export const mergedFiles = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/merged', { path: { patient_id: patientId }, signal })

export const recordAllergy = (patientId: string, body: RecordAllergy, idempotencyKey: string) =>
  api.call('POST', '/patients/{patient_id}/allergies', { path: { patient_id: patientId }, body, idempotencyKey })

export type AllergyMove = 'inactivate' | 'reactivate' | 'strike'

export const moveAllergy = (patientId: string, allergy: Allergy, move: AllergyMove, idempotencyKey: string) =>
  api.call('POST', `/patients/{patient_id}/allergies/{allergy_id}/${move}`, {
    path: { patient_id: patientId, allergy_id: allergy.id },
    body: { version: allergy.version },
    idempotencyKey,
  })

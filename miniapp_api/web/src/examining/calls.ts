// Paid examinations and their places: shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api } from '../session'

type Schemas = components['schemas']

export type Examination = Schemas['ExaminationView']
export type ExaminationPlaces = Schemas['ExaminationPlacesView']
export type ExaminationSession = Schemas['ExaminationSession']
export type ExaminationSlot = Schemas['ExaminationSlot']

export const examinations = (signal?: AbortSignal) => api.call('GET', '/examinations', { signal })
export const places = (chargeId: string, day: string | null, signal?: AbortSignal) =>
  api.call('GET', '/examinations/{charge_item_id}/places', { path: { charge_item_id: chargeId }, query: { day }, signal })
export const bookPlace = (chargeId: string, slotId: string, also: string[], idempotencyKey: string) =>
  api.call('POST', '/examinations/{charge_item_id}/appointments', {
    path: { charge_item_id: chargeId },
    body: { slot_id: slotId, also },
    idempotencyKey,
  })
export const joinPlace = (chargeId: string, appointmentId: string, idempotencyKey: string) =>
  api.call('POST', '/examinations/{charge_item_id}/join', {
    path: { charge_item_id: chargeId },
    body: { appointment_id: appointmentId },
    idempotencyKey,
  })
export const examinationsOf = (appointmentId: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}/examinations', { path: { appointment_id: appointmentId }, signal })

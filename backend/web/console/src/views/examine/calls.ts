// Examinations at appointed times. Shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api } from '../../session'

type Schemas = components['schemas']

export type ExaminationItem = Schemas['ExaminationItemView']
export type SaveExaminationItem = Schemas['SaveExaminationItem']
export type Examination = Schemas['ExaminationView']
export type ExaminationPlaces = Schemas['ExaminationPlacesView']
export type ExaminationSlot = Schemas['ExaminationSlot']
export type ExaminationPlace = Schemas['ExaminationPlaceView']

export const examinationItems = (signal?: AbortSignal) => api.call('GET', '/examination-items', { signal })

export const saveExaminationItem = (body: SaveExaminationItem, idempotencyKey: string) =>
  api.call('POST', '/examination-items', { body, idempotencyKey })

export const examinationsOf = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/examinations', { path: { patient_id: patientId }, signal })

export const placesOf = (chargeId: string, day: string | null, signal?: AbortSignal) =>
  api.call('GET', '/examinations/{charge_item_id}/places', { path: { charge_item_id: chargeId }, query: { day }, signal })

export const bookPlace = (wanted: { chargeId: string; slotId: string; also: string[] }, idempotencyKey: string) =>
  api.call('POST', '/examinations/{charge_item_id}/appointments', {
    path: { charge_item_id: wanted.chargeId },
    body: { slot_id: wanted.slotId, also: wanted.also },
    idempotencyKey,
  })

export const joinPlace = (wanted: { chargeId: string; appointmentId: string }, idempotencyKey: string) =>
  api.call('POST', '/examinations/{charge_item_id}/join', {
    path: { charge_item_id: wanted.chargeId },
    body: { appointment_id: wanted.appointmentId },
    idempotencyKey,
  })

export const cancelPlace = (chargeId: string, idempotencyKey: string) =>
  api.call('POST', '/examinations/{charge_item_id}/cancel', { path: { charge_item_id: chargeId }, idempotencyKey })

// Arriving at the hospital. Shapes as generated from the server's route table.
import { api } from '../session'
import type { Place } from './place'

export type Presence = { presence_code: string } | Place

export const checkIn = (appointmentId: string, presence: Presence, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/check-in', { path: { appointment_id: appointmentId }, body: presence, idempotencyKey })

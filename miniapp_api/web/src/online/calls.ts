// Online visits: waiting at the phone, and the way into the room. Shapes as generated from the server's route table.
import { api } from '../session'

export const signInOnline = (appointmentId: string, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/online-check-in', { path: { appointment_id: appointmentId }, idempotencyKey })

export const videoRoom = (appointmentId: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}/room', { path: { appointment_id: appointmentId }, signal })

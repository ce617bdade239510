import { api } from '../../session'

export const rooms = (signal?: AbortSignal) => api.call('GET', '/my/rooms', { signal })

export const queueOf = (roomId: string, signal?: AbortSignal) =>
  api.call('GET', '/my/queue', { query: { room_id: roomId }, signal })

export const callNext = (roomId: string, idempotencyKey: string) =>
  api.call('POST', '/queue/call-next', { body: { room_id: roomId }, idempotencyKey })

export const videoRoom = (ticketId: string, signal?: AbortSignal) =>
  api.call('GET', '/tickets/{ticket_id}/room', { path: { ticket_id: ticketId }, signal })

export const examinationsAt = (appointmentId: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}/examinations', { path: { appointment_id: appointmentId }, signal })

export type Move = 'recall' | 'pass' | 'return' | 'start' | 'finish'

/** recall, pass and return answer with the ticket, start and finish with the visit; the queue is read anew after each. */
export const moveTicket = (ticketId: string, move: Move, idempotencyKey: string) =>
  api.call('POST', `/tickets/{ticket_id}/${move}`, { path: { ticket_id: ticketId }, idempotencyKey })

import { api } from '../../session'
import type { Called, DoctorQueue, Page, Room } from '../../model'

export const rooms = (signal?: AbortSignal) => api.request<Page<Room>>('GET', '/my/rooms', { signal })

export const queueOf = (roomId: string, signal?: AbortSignal) =>
  api.request<DoctorQueue>('GET', '/my/queue', { query: { room_id: roomId }, signal })

export const callNext = (roomId: string, idempotencyKey: string) =>
  api.request<Called>('POST', '/queue/call-next', { body: { room_id: roomId }, idempotencyKey })

export type Move = 'recall' | 'pass' | 'return' | 'start' | 'finish'

/** recall, pass and return answer with the ticket, start and finish with the visit; the queue is read anew after each. */
export const moveTicket = (ticketId: string, move: Move, idempotencyKey: string) =>
  api.request<unknown>('POST', `/tickets/${ticketId}/${move}`, { body: {}, idempotencyKey })

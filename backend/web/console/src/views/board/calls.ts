import { api } from '../../session'

/** Unchanged figures are not sent again: the server names its answer, and the browser asks whether it still holds. */
export const dayBoard = (campusId: string | null, signal?: AbortSignal) =>
  api.call('GET', '/board', { query: { campus_id: campusId }, signal, cache: 'no-cache' })

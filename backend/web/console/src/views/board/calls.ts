import { api } from '../../session'

/** Unchanged figures are not sent again: the server names its answer, and the browser asks whether it still holds. */
export const dayBoard = (signal?: AbortSignal) => api.call('GET', '/board', { signal, cache: 'no-cache' })

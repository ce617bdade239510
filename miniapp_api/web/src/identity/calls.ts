// Saying who one is.
import { api } from '../session'

export const identityPicture = (linkId: string, signal?: AbortSignal) =>
  api.request<Blob>('GET', `/patients/${linkId}/identity-code.svg`, { as: 'blob', signal })

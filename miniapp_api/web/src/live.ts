// One live connection for the whole phone, kept while some screen needs it.
import { createLive, type Live } from '@hospital/kit'
import { onScopeDispose } from 'vue'
import { accessToken, auth } from './session'

/** Screens come and go within a second; the connection does not go with each. */
const LINGER_MS = 5_000

interface Watched {
  listeners: Set<() => void>
  leave: () => void
}

let live: Live | null = null
let users = 0
let closing: ReturnType<typeof setTimeout> | null = null
const watched = new Map<string, Watched>()

export function useLive(): Live {
  if (closing !== null) clearTimeout(closing)
  closing = null
  users++
  live ??= createLive({ url: '/ws/phone', token: accessToken, renew: () => auth.recover(accessToken()) })
  onScopeDispose(() => {
    if (--users > 0) return
    closing = setTimeout(() => {
      live?.close()
      live = null
      closing = null
    }, LINGER_MS)
  })
  return live
}

/** Hint mode: the topic says that something changed, the screen then reads by HTTP what it may see. */
export function watchTopic(link: Live, topic: string, listener: () => void): () => void {
  let known = watched.get(topic)
  if (known === undefined) {
    const listeners = new Set<() => void>()
    const tell = (): void => listeners.forEach((one) => one())
    known = { listeners, leave: link.subscribe(topic, { mode: 'hint', onHint: tell }) }
    watched.set(topic, known)
  }
  known.listeners.add(listener)
  return () => {
    known.listeners.delete(listener)
    if (known.listeners.size > 0 || watched.get(topic) !== known) return
    watched.delete(topic)
    known.leave()
  }
}

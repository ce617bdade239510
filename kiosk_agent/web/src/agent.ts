// The agent decides, this page draws: one socket, the newest state and nothing kept of older ones.
import { serverClock } from '@hospital/kit'
import { readonly, ref, shallowRef } from 'vue'
import type { FromAgent, PageState, ToAgent } from './protocol'

const RETRY_MS = [200, 500, 1_000, 2_000]
const PING_MS = 5_000
const TOUCH_MS = 1_000

const state = shallowRef<PageState | null>(null)
const connected = ref(false)
let socket: WebSocket | null = null
let failures = 0
let touchedAt = 0

export const agentState = readonly(state)
export const isConnected = readonly(connected)

export function connect(): void {
  const mine = (socket = new WebSocket(`ws://${location.host}/agent`))
  mine.onmessage = (event) => take(JSON.parse(String(event.data)) as FromAgent)
  mine.onopen = () => {
    failures = 0
    connected.value = true
  }
  mine.onclose = () => {
    connected.value = false
    // Whoever stood here: nothing of them stays on the glass while nobody knows how things are.
    state.value = null
    setTimeout(failures > 8 ? reload : connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)])
  }
}

setInterval(() => send({ v: 1, type: 'ping' }), PING_MS)

function reload(): void {
  // A restarted agent has a new cookie: only a fresh page carries it.
  fetch('/healthz').then(
    () => location.reload(),
    () => {
      failures = RETRY_MS.length
      connect()
    },
  )
}

function take(message: FromAgent): void {
  if (message.type === 'reload') return location.reload()
  if (message.data.server_time !== null) serverClock.observe(message.data.server_time)
  state.value = message.data
}

export function send(message: ToAgent): void {
  if (socket !== null && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

/** Any sign of life keeps the page; once a second is enough to say so. */
export function touch(): void {
  const now = Date.now()
  if (now - touchedAt < TOUCH_MS) return
  touchedAt = now
  send({ v: 1, type: 'touch' })
}

// The frames of /ws/*, JSON text, as backend.realtime speaks them.

export type Mode = 'data' | 'hint'

export type ClientFrame =
  | { type: 'auth'; token: string | null }
  | { type: 'subscribe'; topic: string; mode: Mode }
  | { type: 'unsubscribe'; topic: string }
  | { type: 'resync'; topic: string }

export interface Numbered {
  topic: string
  epoch: string | number
  seq: number
  data: unknown
}

export type ServerFrame =
  | { type: 'ready'; server_time: string }
  | ({ type: 'snapshot' } & Numbered)
  | ({ type: 'change' } & Numbered)
  | { type: 'hint'; topic: string; seq: number }
  | { type: 'heartbeat'; server_time: string; live: boolean }
  | { type: 'error'; code: string; title: string; topic?: string }

export const CLOSE = { unauthenticated: 4401, forbidden: 4403, tooMany: 4429 } as const

const KNOWN = new Set(['ready', 'snapshot', 'change', 'hint', 'heartbeat', 'error'])

/** Null for what this page does not know: a newer server may say more. */
export function parseFrame(text: unknown): ServerFrame | null {
  if (typeof text !== 'string') return null
  try {
    const frame: unknown = JSON.parse(text)
    if (typeof frame !== 'object' || frame === null) return null
    return KNOWN.has((frame as { type?: string }).type ?? '') ? (frame as ServerFrame) : null
  } catch {
    return null
  }
}

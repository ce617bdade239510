// The board of a waiting area, kept in step exactly as the server's own `replay` and `call_order` do it.
import type { components } from '@hospital/kit'

type Schemas = components['schemas']
export type TicketStatus = Schemas['QueueTicketStatus']
export type Priority = Schemas['TicketPriority']

/** Names arrive masked, or empty where only the number may be shown: a screen's token cannot read more. */
export type BoardTicket = Schemas['BoardTicket']
/** What `GET /board` answers, and the topic's snapshot. */
export type Board = Schemas['BoardView']

/** What a change of the topic carries; nothing when it is about somebody who waits at home (线上复诊). */
export interface BoardChange {
  ticket: BoardTicket | null
}

/** In words: colour alone tells nothing to many. */
export const PRIORITY_WORDS: Record<Priority, string | null> = {
  normal: null,
  elderly: '老年优先',
  soldier: '军人优先',
  emergency: '急诊',
}

const FINAL: ReadonlySet<TicketStatus> = new Set(['finished', 'cancelled'])

/** A moment as sortable text, to the microsecond: `Date` would round two patients into one. */
function sortable(moment: string): string {
  const fraction = /\.(\d+)/.exec(moment)?.[1] ?? ''
  const seconds = Math.floor(Date.parse(moment) / 1_000)
  return `${String(seconds).padStart(12, '0')}.${fraction.padEnd(9, '0')}`
}

/** Emergencies first, then by `order_at`, then by arrival (ids grow with time). */
export function callOrder(a: BoardTicket, b: BoardTicket): number {
  const urgent = Number(b.priority === 'emergency') - Number(a.priority === 'emergency')
  return urgent || compare(sortable(a.order_at), sortable(b.order_at)) || compare(a.id, b.id)
}

/** An old board with its changes is the fresh board. */
export function replay(board: readonly BoardTicket[], changes: readonly BoardTicket[]): BoardTicket[] {
  const tickets = new Map(board.map((ticket) => [ticket.id, ticket]))
  for (const ticket of changes) {
    if (FINAL.has(ticket.status)) tickets.delete(ticket.id)
    else tickets.set(ticket.id, ticket)
  }
  return [...tickets.values()].sort(callOrder)
}

/** Who is called now, the newest first. */
export function callsOf(tickets: readonly BoardTicket[]): BoardTicket[] {
  const called = tickets.filter((ticket) => ticket.status === 'called')
  return called.sort((a, b) => compare(sortable(b.called_at ?? b.order_at), sortable(a.called_at ?? a.order_at)))
}

export interface RoomRow {
  room: string
  doctor: string
  called: string[]
  serving: string[]
}

/** What happens behind each door. */
export function roomsOf(tickets: readonly BoardTicket[]): RoomRow[] {
  const rows = new Map<string, RoomRow>()
  for (const ticket of tickets) {
    if (ticket.status !== 'called' && ticket.status !== 'serving') continue
    const room = ticket.room ?? ticket.department
    const row = rows.get(room) ?? { room, doctor: ticket.doctor ?? ticket.department, called: [], serving: [] }
    row[ticket.status].push(ticket.display_no)
    rows.set(room, row)
  }
  return [...rows.values()].sort((a, b) => a.room.localeCompare(b.room, 'zh-CN', { numeric: true }))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

// Which calls are new. A call is new once per ticket and count: a recall rings again, a reconnection does not.
import type { BoardTicket } from './board'

/** What happened while the line was cut is shown, but only a call this young is still worth ringing for. */
const STILL_RINGS_MS = 30_000

export class CallWatch {
  private counts: Map<string, number> | null = null

  constructor(private readonly now: () => number) {}

  /** New calls on this board, the oldest first. The first board a screen sees rings for nobody. */
  news(tickets: readonly BoardTicket[]): BoardTicket[] {
    const before = this.counts
    this.counts = new Map(tickets.map((ticket) => [ticket.id, ticket.call_count]))
    if (before === null) return []
    return tickets
      .filter((ticket) => ticket.status === 'called' && ticket.call_count > (before.get(ticket.id) ?? 0))
      .filter((ticket) => ticket.called_at === null || this.now() - Date.parse(ticket.called_at) < STILL_RINGS_MS)
      .sort((a, b) => Date.parse(a.called_at ?? '') - Date.parse(b.called_at ?? ''))
  }
}

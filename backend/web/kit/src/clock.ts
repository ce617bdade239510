// The server's time on a device whose own clock may be wrong by hours.

/** Keeps the offset to the server's clock; the least delayed of the last samples wins. */
export class ServerClock {
  private samples: { offset: number; at: number }[] = []
  private readonly listeners = new Set<() => void>()

  constructor(private readonly deviceNow: () => number = () => Date.now()) {}

  /**
   * Takes a `server_time` in a frame that has just arrived, or the `Date` of an answer. Both can only be late, never
   * early (a `Date` by up to a second), so the largest offset seen lately is the one with the least delay in it.
   */
  observe(serverTime: string): void {
    const server = Date.parse(serverTime)
    if (Number.isNaN(server)) return
    const at = this.deviceNow()
    const before = this.offsetMs
    // A device clock that was just corrected makes every older sample false.
    const jumped = this.samples.length > 0 && Math.abs(server - at - this.offsetMs) > 5_000
    this.samples = jumped ? [] : this.samples.slice(-9)
    this.samples.push({ offset: server - at, at })
    if (Math.abs(this.offsetMs - before) > 1_000) this.listeners.forEach((tell) => tell())
  }

  /** Be told when the time turned out to be another; returns what ends it. */
  onJump(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  get offsetMs(): number {
    return this.samples.length === 0 ? 0 : Math.max(...this.samples.map((sample) => sample.offset))
  }

  get isKnown(): boolean {
    return this.samples.length > 0
  }

  /** Milliseconds since the epoch, on the server's clock. */
  now(): number {
    return this.deviceNow() + this.offsetMs
  }
}

/** Shared by the live connection, LiveClock and every countdown of the page. */
export const serverClock = new ServerClock()

// One subscribed topic: a snapshot, then changes without a gap, so that old screen + changes = fresh screen.
import type { Mode, Numbered } from './protocol'

export interface TopicHandlers<S = unknown, C = unknown> {
  mode?: Mode
  /** Whole new state: replaces everything shown of this topic. */
  onSnapshot?(data: S): void
  /** The next change after the state shown. */
  onChange?(data: C): void
  /** Hint mode: something changed, fetch again. Also called after every (re)connection, when hints may have been missed. */
  onHint?(): void
  onRefused?(code: string, title: string): void
}

const BUFFER_MAX = 200

/**
 * Order of changes. Changes that arrive while a snapshot is on its way are kept and applied after it;
 * `offer*` return true when a new snapshot must be asked for.
 */
export class TopicState {
  private epoch: string | number | null = null
  private seq = -1
  private waiting: Numbered[] = []
  private inStep = false
  private refused = false

  constructor(
    readonly name: string,
    readonly handlers: TopicHandlers,
  ) {}

  get mode(): Mode {
    return this.handlers.mode ?? 'data'
  }

  /** What is on the screen of this topic is what the server last said. */
  get isSynced(): boolean {
    return this.inStep || this.refused
  }

  /** A new connection: nothing is known to be in step until the server has answered. */
  restart(): void {
    this.waiting = []
    this.refused = false
    this.inStep = this.mode === 'hint'
    if (this.mode === 'hint') this.handlers.onHint?.()
  }

  refuse(code: string, title: string): void {
    this.refused = true
    this.handlers.onRefused?.(code, title)
  }

  offerHint(): void {
    this.handlers.onHint?.()
  }

  offerSnapshot(frame: Numbered): boolean {
    // Asked for twice, or overtaken by changes already applied: the screen must not go back in time.
    if (this.inStep && frame.epoch === this.epoch && frame.seq < this.seq) return false
    this.epoch = frame.epoch
    this.seq = frame.seq
    this.inStep = true
    this.handlers.onSnapshot?.(frame.data)
    const kept = this.waiting
    this.waiting = []
    // A change of another epoch: which of the two is newer cannot be told, so ask once more (the buffer is empty now).
    if (kept.some((change) => change.epoch !== frame.epoch)) {
      this.inStep = false
      return true
    }
    return kept.map((change) => this.offerChange(change)).some(Boolean)
  }

  offerChange(frame: Numbered): boolean {
    if (!this.inStep) {
      this.keep(frame)
      return false
    }
    if (frame.epoch === this.epoch && frame.seq <= this.seq) return false
    if (frame.epoch !== this.epoch || frame.seq !== this.seq + 1) {
      this.inStep = false
      this.keep(frame)
      return true
    }
    this.seq = frame.seq
    this.handlers.onChange?.(frame.data)
    return false
  }

  private keep(frame: Numbered): void {
    this.waiting.push(frame)
    // Dropping the oldest leaves a gap, and a gap asks for a newer snapshot: bounded and still right.
    if (this.waiting.length > BUFFER_MAX) this.waiting.shift()
  }
}

// A live connection that says, within ten seconds, when what it shows may no longer be true.
import { readonly, ref, type DeepReadonly, type Ref } from 'vue'
import { serverClock, type ServerClock } from '../clock'
import { CLOSE, parseFrame, type ClientFrame, type ServerFrame } from './protocol'
import { TopicState, type TopicHandlers } from './topic'

/**
 * connecting  no picture yet, or a short break that has not lasted long enough to matter
 * live        every topic is in step and the server vouches for it
 * degraded    connected, but the server itself may be late (its Redis is gone)
 * stale       8 s without proof: the page must say that its data is old
 * offline     this device has no network, or the server has refused us for good (see `reason`)
 */
export type LinkPhase = 'connecting' | 'live' | 'degraded' | 'stale' | 'offline'
export type LinkReason = 'network' | 'unauthenticated' | 'forbidden' | 'closed'

export interface LiveOptions {
  /** `/ws/…` on this origin, or a whole ws:// address. */
  url: string
  /** First frame's token; null where the cookie of the handshake is the proof. */
  token?: () => string | null | Promise<string | null>
  /** On close 4401: true when there is a new token to try once. */
  renew?: () => Promise<boolean>
  onRefused?: (reason: LinkReason) => void
  clock?: ServerClock
  failWhenOffline?: boolean
  WebSocket?: new (url: string) => WebSocket
  now?: () => number
  random?: () => number
}

export const STALE_AFTER_MS = 8_000
const READY_WITHIN_MS = 5_000
const TICK_MS = 500
const BACKOFF_MIN_MS = 300
const BACKOFF_MAX_MS = 10_000
const TOO_MANY_PAUSE_MS = 5_000

export class Live {
  readonly state: DeepReadonly<Ref<LinkPhase>>
  readonly reason: DeepReadonly<Ref<LinkReason | null>>
  /** When the data shown was last known to be true (this device's clock, ms), null before the first time. */
  readonly freshAt: DeepReadonly<Ref<number | null>>
  readonly clock: ServerClock

  private readonly phase = ref<LinkPhase>('connecting')
  private readonly why = ref<LinkReason | null>(null)
  private readonly fresh = ref<number | null>(null)
  private readonly topics = new Map<string, TopicState>()
  private readonly now: () => number
  private readonly random: () => number
  private socket: WebSocket | null = null
  private isReady = false
  private isServerLive = true
  private isStopped = false
  private mayRenew = true
  private isRenewing = false
  private attempt = 0
  private startedAt: number
  private openedAt = 0
  private lastFrameAt = 0
  private retryTimer: ReturnType<typeof setTimeout> | null = null
  private readonly ticker: ReturnType<typeof setInterval>

  constructor(private readonly options: LiveOptions) {
    this.state = readonly(this.phase)
    this.reason = readonly(this.why)
    this.freshAt = readonly(this.fresh)
    this.clock = options.clock ?? serverClock
    this.now = options.now ?? (() => Date.now())
    this.random = options.random ?? Math.random
    this.startedAt = this.now()
    this.ticker = setInterval(() => this.tick(), TICK_MS)
    this.listen('add')
    this.connect()
  }

  get offsetMs(): number {
    return this.clock.offsetMs
  }

  /** Returns the function that ends the subscription. One subscription per topic. */
  subscribe<S = unknown, C = unknown>(name: string, handlers: TopicHandlers<S, C>): () => void {
    if (this.topics.has(name)) throw new Error(`topic ${name} is already subscribed`)
    const topic = new TopicState(name, handlers as TopicHandlers)
    this.topics.set(name, topic)
    if (this.isReady) this.join(topic)
    return () => {
      if (this.topics.get(name) !== topic) return
      this.topics.delete(name)
      if (this.isReady) this.send({ type: 'unsubscribe', topic: name })
    }
  }

  /** Ends for good. */
  close(): void {
    this.stop('closed')
    clearInterval(this.ticker)
    this.listen('remove')
  }

  /** After a new log-in, or a person's 重试: forgets refusals and connects at once. */
  reconnect(): void {
    this.isStopped = false
    this.mayRenew = true
    this.attempt = 0
    this.startedAt = this.now()
    this.why.value = null
    this.drop()
    this.connect()
  }

  private connect(): void {
    if (this.isStopped || this.isRenewing || this.socket !== null) return
    this.clearRetry()
    if (!this.hasNetwork()) return this.judge()
    const socket = new (this.options.WebSocket ?? WebSocket)(absolute(this.options.url))
    this.socket = socket
    this.isReady = false
    this.openedAt = this.lastFrameAt = this.now()
    // Each handler checks that its socket is still the current one: a dropped socket may yet speak.
    socket.onopen = () => void this.introduce(socket)
    socket.onmessage = (event: MessageEvent) => {
      if (socket === this.socket) this.receive(parseFrame(event.data))
    }
    socket.onclose = (event: CloseEvent) => {
      if (socket === this.socket) void this.ended(event.code)
    }
    this.judge()
  }

  private async introduce(socket: WebSocket): Promise<void> {
    try {
      const token = (await this.options.token?.()) ?? null
      if (socket === this.socket) this.send({ type: 'auth', token })
    } catch {
      // No token now (refresh failed for want of a network): try again with the next connection.
      if (socket === this.socket) this.lost()
    }
  }

  private receive(frame: ServerFrame | null): void {
    this.lastFrameAt = this.now()
    if (frame !== null) this.handle(frame)
    if (this.isReady && this.allSynced()) this.fresh.value = this.now()
    this.judge()
  }

  private handle(frame: ServerFrame): void {
    switch (frame.type) {
      case 'ready':
        return this.welcomed(frame.server_time)
      case 'heartbeat':
        this.clock.observe(frame.server_time)
        this.isServerLive = frame.live
        return
      case 'snapshot':
      case 'change': {
        const topic = this.topics.get(frame.topic)
        if (topic === undefined) return
        const mustResync = frame.type === 'snapshot' ? topic.offerSnapshot(frame) : topic.offerChange(frame)
        if (mustResync) this.send({ type: 'resync', topic: frame.topic })
        return
      }
      case 'hint':
        return this.topics.get(frame.topic)?.offerHint()
      case 'error':
        if (frame.topic !== undefined) this.topics.get(frame.topic)?.refuse(frame.code, frame.title)
        else console.warn('live:', frame.code, frame.title)
    }
  }

  private welcomed(serverTime: string): void {
    this.clock.observe(serverTime)
    this.isReady = true
    this.isServerLive = true
    this.mayRenew = true
    this.attempt = 0
    this.why.value = null
    for (const topic of this.topics.values()) this.join(topic)
  }

  private join(topic: TopicState): void {
    topic.restart()
    this.send({ type: 'subscribe', topic: topic.name, mode: topic.mode })
  }

  private send(frame: ClientFrame): void {
    // A socket that is closing drops what it is given; `ended` follows and subscribes anew.
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame))
  }

  private async ended(code: number): Promise<void> {
    this.socket = null
    this.isReady = false
    if (code === CLOSE.forbidden) return this.stop('forbidden')
    if (code === CLOSE.unauthenticated) return this.renewOrStop()
    this.why.value = 'network'
    this.retry(code === CLOSE.tooMany ? TOO_MANY_PAUSE_MS : 0)
  }

  private async renewOrStop(): Promise<void> {
    const renew = this.mayRenew ? this.options.renew : undefined
    if (renew === undefined) return this.stop('unauthenticated')
    this.mayRenew = false
    this.isRenewing = true
    try {
      const renewed = await renew()
      this.isRenewing = false
      if (renewed) this.connect()
      else this.stop('unauthenticated')
    } catch {
      // Renewing failed for want of an answer, not of a right: that is no refusal.
      this.isRenewing = false
      this.mayRenew = true
      this.retry(0)
    }
  }

  private stop(reason: LinkReason): void {
    this.isStopped = true
    this.why.value = reason
    this.drop()
    this.clearRetry()
    this.judge()
    if (reason === 'unauthenticated' || reason === 'forbidden') this.options.onRefused?.(reason)
  }

  private lost(): void {
    this.drop()
    this.why.value = 'network'
    this.retry(0)
  }

  private drop(): void {
    const socket = this.socket
    this.socket = null
    this.isReady = false
    if (socket !== null && socket.readyState < 2) socket.close()
  }

  /** Full jitter: after a server restart five hundred screens must not come back in the same instant. */
  private retry(atLeastMs: number): void {
    if (this.isStopped || this.retryTimer !== null) return this.judge()
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.attempt++)
    const pause = atLeastMs + this.random() * ceiling
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null
      this.connect()
    }, pause)
    this.judge()
  }

  private clearRetry(): void {
    if (this.retryTimer !== null) clearTimeout(this.retryTimer)
    this.retryTimer = null
  }

  private tick(): void {
    const silentMs = this.now() - this.lastFrameAt
    if (this.socket !== null && !this.isReady && this.now() - this.openedAt > READY_WITHIN_MS) this.lost()
    else if (this.socket !== null && silentMs > STALE_AFTER_MS) this.lost()
    else if (this.socket === null && this.retryTimer === null) this.connect()
    // A snapshot that never came: the frames flow, yet the picture is old. A new connection asks again.
    else if (this.isReady && this.ageMs() > STALE_AFTER_MS && !this.allSynced()) this.lost()
    this.judge()
  }

  private judge(): void {
    const inStep = this.isReady && this.allSynced()
    if (this.isStopped || !this.hasNetwork()) this.phase.value = 'offline'
    else if (this.ageMs() >= STALE_AFTER_MS) this.phase.value = 'stale'
    else if (!inStep) this.phase.value = 'connecting'
    else this.phase.value = this.isServerLive ? 'live' : 'degraded'
  }

  private ageMs(): number {
    return this.now() - (this.fresh.value ?? this.startedAt)
  }

  private allSynced(): boolean {
    for (const topic of this.topics.values()) if (!topic.isSynced) return false
    return true
  }

  private hasNetwork(): boolean {
    if (this.options.failWhenOffline === false || typeof navigator === 'undefined') return true
    return navigator.onLine !== false
  }

  private readonly wake = (): void => {
    if (this.isStopped) return
    if (!this.hasNetwork()) this.drop()
    else if (this.socket === null) {
      this.clearRetry()
      this.connect()
    }
    this.tick()
  }

  private listen(verb: 'add' | 'remove'): void {
    if (typeof window === 'undefined') return
    const change = verb === 'add' ? 'addEventListener' : 'removeEventListener'
    window[change]('online', this.wake)
    window[change]('offline', this.wake)
    // Timers sleep in hidden tabs; look at once when the page is seen again.
    document[change]('visibilitychange', this.wake)
  }
}

function absolute(url: string): string {
  if (/^wss?:/.test(url)) return url
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${url}`
}

export function createLive(options: LiveOptions): Live {
  return new Live(options)
}

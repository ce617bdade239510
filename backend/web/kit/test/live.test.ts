import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ServerClock } from '../src/clock'
import { Live, type LiveOptions } from '../src/live'

/** The other end of the wire, in the test's hands. */
class FakeSocket {
  static all: FakeSocket[] = []
  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]!
  }
  readyState = 0
  sent: Record<string, unknown>[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null

  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>)
  }
  close(): void {
    this.readyState = 3
  }
  async open(): Promise<void> {
    this.readyState = 1
    this.onopen?.()
    await vi.advanceTimersByTimeAsync(0)
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  beat(live = true): void {
    this.say({ type: 'heartbeat', server_time: new Date(Date.now()).toISOString(), live })
  }
  async end(code = 1006): Promise<void> {
    this.readyState = 3
    this.onclose?.({ code })
    await vi.advanceTimersByTimeAsync(0)
  }
}

const TOPIC = 'queue-area:1'
let live: Live
let picture: number[]

function start(options: Partial<LiveOptions> = {}): Live {
  live = new Live({
    url: 'ws://test/ws',
    token: () => 'tok',
    random: () => 1,
    clock: new ServerClock(),
    WebSocket: FakeSocket as unknown as LiveOptions['WebSocket'] & object,
    ...options,
  })
  return live
}

async function welcome(socket = FakeSocket.last): Promise<FakeSocket> {
  await socket.open()
  socket.say({ type: 'ready', server_time: new Date(Date.now()).toISOString() })
  return socket
}

function follow(): () => void {
  picture = []
  return live.subscribe<number[], number>(TOPIC, {
    onSnapshot: (data) => void (picture = [...data]),
    onChange: (data) => void picture.push(data),
  })
}

const snapshot = (seq: number, data: number[], epoch = 'e1') => ({ type: 'snapshot', topic: TOPIC, epoch, seq, data })
const change = (seq: number, data: number, epoch = 'e1') => ({ type: 'change', topic: TOPIC, epoch, seq, data })
const resyncs = (socket: FakeSocket) => socket.sent.filter((frame) => frame.type === 'resync').length

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-03-05T00:00:00Z') })
  FakeSocket.all = []
})
afterEach(() => {
  live.close()
  vi.useRealTimers()
})

describe('opening', () => {
  it('authenticates first, subscribes when ready, is live only with a picture', async () => {
    start()
    follow()
    const socket = FakeSocket.last
    await socket.open()
    expect(socket.sent).toEqual([{ type: 'auth', token: 'tok' }])
    socket.say({ type: 'ready', server_time: '2026-03-05T00:00:00Z' })
    expect(socket.sent[1]).toEqual({ type: 'subscribe', topic: TOPIC, mode: 'data' })
    expect(live.state.value).toBe('connecting')
    socket.say(snapshot(4, [1]))
    expect(live.state.value).toBe('live')
    expect(picture).toEqual([1])
  })

  it('learns the offset of a device clock that is an hour slow', async () => {
    start()
    await FakeSocket.last.open()
    FakeSocket.last.say({ type: 'ready', server_time: '2026-03-05T01:00:00Z' })
    expect(live.offsetMs).toBe(3_600_000)
    expect(live.clock.now()).toBe(Date.parse('2026-03-05T01:00:00Z'))
  })

  it('leaves a server that accepts and then says nothing', async () => {
    start()
    const socket = FakeSocket.last
    await socket.open()
    await vi.advanceTimersByTimeAsync(6_500)
    expect(socket.readyState).toBe(3)
    expect(FakeSocket.all.length).toBeGreaterThan(1)
  })
})

describe('order of changes', () => {
  it('applies changes in order and ignores repeats', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(4, [1]))
    for (const frame of [change(5, 2), change(5, 2), change(4, 9), change(6, 3)]) socket.say(frame)
    expect(picture).toEqual([1, 2, 3])
    expect(resyncs(socket)).toBe(0)
  })

  it('asks anew on a gap and shows the same as a fresh screen', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(4, [1]))
    socket.say(change(6, 3))
    socket.say(change(7, 4))
    expect(resyncs(socket)).toBe(1)
    expect(live.state.value).toBe('connecting')
    expect(picture).toEqual([1])
    socket.say(snapshot(6, [1, 2, 3]))
    expect(picture).toEqual([1, 2, 3, 4])
    expect(live.state.value).toBe('live')
  })

  it('asks anew when the epoch changes', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(4, [1]))
    socket.say(change(5, 7, 'e2'))
    expect(resyncs(socket)).toBe(1)
    socket.say(snapshot(5, [7], 'e2'))
    expect(picture).toEqual([7])
    expect(live.state.value).toBe('live')
  })

  it('keeps changes that overtake the first snapshot', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(change(5, 2))
    socket.say(snapshot(4, [1]))
    expect(picture).toEqual([1, 2])
  })

  it('does not go back to an older snapshot', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(4, [1]))
    socket.say(change(5, 2))
    socket.say(snapshot(4, [1]))
    expect(picture).toEqual([1, 2])
  })

  it('ends where a fresh screen would, whatever is lost or doubled on the way', async () => {
    start()
    follow()
    const socket = await welcome()
    let random = 7
    const chance = () => (random = (random * 16_807) % 2_147_483_647) / 2_147_483_647
    const truth: number[] = []
    socket.say(snapshot(0, []))
    let asked = 0
    for (let seq = 1; seq <= 400; seq++) {
      truth.push(seq)
      if (chance() > 0.2) socket.say(change(seq, seq))
      if (chance() < 0.1) socket.say(change(seq, seq))
      if (resyncs(socket) > asked && chance() < 0.5) {
        asked = resyncs(socket)
        socket.say(snapshot(seq, truth))
      }
    }
    truth.push(401)
    socket.say(change(401, 401))
    if (resyncs(socket) > asked) socket.say(snapshot(401, truth))
    expect(asked).toBeGreaterThan(5)
    expect(picture).toEqual(truth)
  })
})

describe('hints', () => {
  it('fetches again on a hint, and after every connection', async () => {
    start()
    const onHint = vi.fn()
    live.subscribe(TOPIC, { mode: 'hint', onHint })
    const socket = await welcome()
    expect(onHint).toHaveBeenCalledTimes(1)
    socket.say({ type: 'hint', topic: TOPIC, seq: 9 })
    expect(onHint).toHaveBeenCalledTimes(2)
    expect(live.state.value).toBe('live')
    await socket.end()
    await vi.advanceTimersByTimeAsync(400)
    await welcome()
    expect(onHint).toHaveBeenCalledTimes(3)
  })
})

describe('silence', () => {
  it('is stale before ten seconds without a frame, and heals', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(1, [1]))
    await vi.advanceTimersByTimeAsync(7_400)
    expect(live.state.value).toBe('live')
    await vi.advanceTimersByTimeAsync(1_200)
    expect(live.state.value).toBe('stale')
    expect(live.freshAt.value).toBe(Date.parse('2026-03-05T00:00:00Z'))
    expect(socket.readyState).toBe(3)
    await vi.advanceTimersByTimeAsync(400)
    const next = await welcome()
    expect(live.state.value).toBe('stale')
    next.say(snapshot(3, [1, 2, 3]))
    expect(live.state.value).toBe('live')
    expect(picture).toEqual([1, 2, 3])
  })

  it('stays live on heartbeats alone and says when the server may be late', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(1, [1]))
    for (let beat = 0; beat < 5; beat++) {
      await vi.advanceTimersByTimeAsync(3_000)
      socket.beat()
      expect(live.state.value).toBe('live')
    }
    socket.beat(false)
    expect(live.state.value).toBe('degraded')
    socket.beat(true)
    expect(live.state.value).toBe('live')
  })

  it('is stale when heartbeats flow but the snapshot never comes', async () => {
    start()
    follow()
    const socket = await welcome()
    for (let beat = 0; beat < 3; beat++) {
      await vi.advanceTimersByTimeAsync(2_900)
      socket.beat()
    }
    expect(live.state.value).toBe('stale')
  })

  it('does not alarm for a break that heals at once', async () => {
    start()
    follow()
    const socket = await welcome()
    socket.say(snapshot(1, [1]))
    await socket.end()
    expect(live.state.value).toBe('connecting')
    await vi.advanceTimersByTimeAsync(400)
    ;(await welcome()).say(snapshot(1, [1]))
    expect(live.state.value).toBe('live')
  })
})

describe('coming back', () => {
  it('doubles its pause up to ten seconds, all of it random', async () => {
    start({ random: () => 0.999 })
    const pauses: number[] = []
    for (let round = 0; round < 8; round++) {
      const known = FakeSocket.all.length
      const from = Date.now()
      await FakeSocket.last.end()
      while (FakeSocket.all.length === known) await vi.advanceTimersByTimeAsync(50)
      pauses.push(Date.now() - from)
    }
    const ideal = [300, 600, 1200, 2400, 4800, 9600, 10_000, 10_000]
    pauses.forEach((pause, index) => expect(Math.abs(pause - ideal[index]!)).toBeLessThanOrEqual(60))
  })

  it('waits longer after too many connections', async () => {
    start({ random: () => 0 })
    await FakeSocket.last.end(4429)
    await vi.advanceTimersByTimeAsync(4_900)
    expect(FakeSocket.all).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(FakeSocket.all).toHaveLength(2)
  })

  it('stops when forbidden', async () => {
    const onRefused = vi.fn()
    start({ onRefused })
    await FakeSocket.last.end(4403)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(FakeSocket.all).toHaveLength(1)
    expect(live.state.value).toBe('offline')
    expect(live.reason.value).toBe('forbidden')
    expect(onRefused).toHaveBeenCalledWith('forbidden')
  })

  it('renews its token once when unauthenticated', async () => {
    let token = 'old'
    const renew = vi.fn(async () => {
      token = 'new'
      return true
    })
    start({ token: () => token, renew })
    await FakeSocket.last.end(4401)
    expect(FakeSocket.all).toHaveLength(2)
    await FakeSocket.last.open()
    expect(FakeSocket.last.sent[0]).toEqual({ type: 'auth', token: 'new' })
    await FakeSocket.last.end(4401)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(FakeSocket.all).toHaveLength(2)
    expect(renew).toHaveBeenCalledOnce()
    expect(live.reason.value).toBe('unauthenticated')
  })

  it('keeps trying when renewing got no answer', async () => {
    start({ renew: () => Promise.reject(new Error('no network')) })
    await FakeSocket.last.end(4401)
    await vi.advanceTimersByTimeAsync(400)
    expect(FakeSocket.all).toHaveLength(2)
    expect(live.reason.value).not.toBe('unauthenticated')
  })

  it('ignores a socket it has left', async () => {
    start()
    follow()
    const old = await welcome()
    await vi.advanceTimersByTimeAsync(9_500)
    old.say(snapshot(1, [9]))
    await old.end(4403)
    expect(picture).toEqual([])
    expect(live.reason.value).not.toBe('forbidden')
  })
})

describe('topics', () => {
  it('a refused topic does not hold back the others', async () => {
    start()
    follow()
    const onRefused = vi.fn()
    live.subscribe('secret:1', { onRefused })
    const socket = await welcome()
    socket.say(snapshot(1, [1]))
    expect(live.state.value).toBe('connecting')
    socket.say({ type: 'error', code: 'topic.forbidden', title: '没有权限', topic: 'secret:1' })
    expect(onRefused).toHaveBeenCalledWith('topic.forbidden', '没有权限')
    expect(live.state.value).toBe('live')
  })

  it('hears nothing after its end, and can be followed again', async () => {
    start()
    const stop = follow()
    const socket = await welcome()
    socket.say(snapshot(1, [1]))
    stop()
    socket.say(change(2, 2))
    expect(picture).toEqual([1])
    expect(socket.sent[socket.sent.length - 1]).toEqual({ type: 'unsubscribe', topic: TOPIC })
    follow()
    expect(socket.sent[socket.sent.length - 1]).toEqual({ type: 'subscribe', topic: TOPIC, mode: 'data' })
  })
})

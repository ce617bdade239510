import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { serverClock } from '../../../backend/web/kit/src/clock'
import { useChores } from '../src/chores'

// The kit without its components: nothing here is drawn.
vi.mock('@hospital/kit', async () => ({
  ...(await import('../../../backend/web/kit/src/clock')),
  ...(await import('../../../backend/web/kit/src/format')),
}))

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Reloads are spread over five minutes, and looked for once a minute. */
const SPREAD = 6 * MINUTE

let scope: EffectScope
/** As in a browser, what runs ends with the page. */
const reload = vi.fn(() => scope.stop())
const answer = { ok: true }
const fetched = vi.fn(async () => answer)
const style = { transform: '' }

function hangUp(at: string): void {
  vi.setSystemTime(Date.parse(`${at}+08:00`))
  serverClock.observe(`${at}+08:00`)
  scope = effectScope()
  scope.run(useChores)
}
const later = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('document', { body: { style } })
  vi.stubGlobal('location', { href: 'http://screen.test/display/', reload })
  vi.stubGlobal('fetch', fetched)
  answer.ok = true
  style.transform = ''
})

afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.clearAllMocks()
})

describe('a picture that may not burn in', () => {
  it('moves every minute, by four pixels at most, and comes round to where it began', async () => {
    hangUp('2026-03-05T10:00:00')
    const places: string[] = []
    for (let minute = 0; minute < 18; minute++) {
      await later(MINUTE)
      places.push(style.transform)
    }
    const first = places.slice(0, 9)
    expect(new Set(first).size).toBe(9)
    expect(places.slice(9)).toEqual(first)
    expect(first[8]).toBe('translate(0px, 0px)')
    const moved = first.flatMap((place) => [...place.matchAll(/-?\d+(?=px)/g)].map(Number))
    expect(moved).toHaveLength(18)
    expect(Math.max(...moved.map(Math.abs))).toBe(4)
  })

  it('stays where it is when the page is gone', async () => {
    hangUp('2026-03-05T10:00:00')
    scope.stop()
    await later(5 * MINUTE)
    expect(style.transform).toBe('')
  })
})

describe('a fresh page every night', () => {
  it('comes after 03:30, once, and at no other hour', async () => {
    hangUp('2026-03-05T10:00:00')
    await later(17 * HOUR + 29 * MINUTE)
    expect(fetched).not.toHaveBeenCalled()
    await later(SPREAD + MINUTE)
    expect(fetched).toHaveBeenCalledWith('http://screen.test/display/', { cache: 'no-store' })
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('is not fetched by all screens in the same second', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.9)
    hangUp('2026-03-05T10:00:00')
    await later(17 * HOUR + 30 * MINUTE + 4 * MINUTE)
    expect(fetched).not.toHaveBeenCalled()
    await later(MINUTE)
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('waits while the server cannot give it, and comes when it can', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    hangUp('2026-03-05T10:00:00')
    fetched.mockRejectedValueOnce(new TypeError('no network'))
    answer.ok = false
    await later(17 * HOUR + 30 * MINUTE + 3 * SPREAD)
    expect(fetched.mock.calls.length).toBeGreaterThanOrEqual(2)
    expect(reload).not.toHaveBeenCalled()
    answer.ok = true
    await later(SPREAD)
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('is not fetched again by a page that was loaded that night', async () => {
    hangUp('2026-03-05T03:34:00')
    await later(3 * HOUR)
    expect(fetched).not.toHaveBeenCalled()
    await later(21 * HOUR + SPREAD)
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('follows the hospital, not a television whose clock is wrong by hours', async () => {
    hangUp('2001-01-01T12:00:00')
    serverClock.observe('2026-03-05T03:31:00+08:00')
    await later(30 * MINUTE)
    expect(fetched).not.toHaveBeenCalled()
    await later(23 * HOUR + 35 * MINUTE + SPREAD)
    expect(reload).toHaveBeenCalledTimes(1)
  })
})

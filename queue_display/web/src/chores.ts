// What a screen that is never switched off owes to itself: no burnt-in picture, a fresh page every night.
import { formatTime, serverClock } from '@hospital/kit'
import { onScopeDispose } from 'vue'

const MINUTE_MS = 60_000
const SHIFTS_PX = [
  [0, 0],
  [4, 0],
  [4, 4],
  [0, 4],
  [-4, 4],
  [-4, 0],
  [-4, -4],
  [0, -4],
  [4, -4],
] as const
const NIGHT = { from: '03:30', until: '05:00' }
/** Longer than the night: a page reloads once in it. Counted by the page's age, for a television's date may be wrong. */
const AGE_MIN_MS = 7_200_000
/** Five hundred screens must not come for the page in the same second. */
const RELOAD_SPREAD_MS = 300_000

export function useChores(): void {
  const startedAt = performance.now()
  let step = 0
  let isReloading = false

  async function reloadWhenServed(): Promise<void> {
    isReloading = true
    await new Promise((wake) => setTimeout(wake, Math.random() * RELOAD_SPREAD_MS))
    try {
      // A page that cannot be fetched now would leave the browser's error on the wall until morning.
      const answer = await fetch(location.href, { cache: 'no-store' })
      if (answer.ok) location.reload()
    } catch (thrown) {
      console.warn('display: the nightly reload waits for the server', thrown)
    }
    isReloading = false
  }

  const timer = setInterval(() => {
    const [x, y] = SHIFTS_PX[++step % SHIFTS_PX.length]!
    document.body.style.transform = `translate(${x}px, ${y}px)`
    const time = formatTime(serverClock.now())
    const isNight = time >= NIGHT.from && time < NIGHT.until
    if (isNight && performance.now() - startedAt > AGE_MIN_MS && !isReloading) void reloadWhenServed()
  }, MINUTE_MS)
  onScopeDispose(() => clearInterval(timer))
}

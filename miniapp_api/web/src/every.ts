// Looking again while the page is seen, and at once when it is seen again.
import { serverClock } from '@hospital/kit'
import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** `pauseMs` is asked before each pause, so that a page may look more often while something is under way. */
export function useEvery(pauseMs: () => number, work: () => Promise<unknown>): void {
  let timer: ReturnType<typeof setTimeout> | null = null
  let isOver = false

  function plan(): void {
    if (!isOver) timer = setTimeout(() => void round(), pauseMs())
  }
  async function round(): Promise<void> {
    timer = null
    try {
      if (document.visibilityState === 'visible') await work()
    } finally {
      plan()
    }
  }
  function seen(): void {
    if (document.visibilityState !== 'visible' || timer === null) return
    clearTimeout(timer)
    void round()
  }

  document.addEventListener('visibilitychange', seen)
  onScopeDispose(() => {
    isOver = true
    if (timer !== null) clearTimeout(timer)
    document.removeEventListener('visibilitychange', seen)
  })
  plan()
}

/** The hospital's time, once a second: for countdowns. */
export function useNow(): Readonly<Ref<number>> {
  const now = ref(serverClock.now())
  const look = (): void => void (now.value = serverClock.now())
  const timer = setInterval(look, 1_000)
  // The first answer may correct the phone by hours: no countdown is shown by the wrong time for a second.
  const forget = serverClock.onJump(look)
  onScopeDispose(() => {
    clearInterval(timer)
    forget()
  })
  return readonly(now)
}

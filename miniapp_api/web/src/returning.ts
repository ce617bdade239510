// Back from the payment sheet. The phone proves nothing about money: it only asks the hospital, which asks WeChat.
import { Problem } from '@hospital/kit'
import { onMounted, onScopeDispose, readonly, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { leftToPay, rememberPaying, type Left } from './paying'

const PAUSES_MS = [1_000, 1_000, 2_000, 2_000, 3_000, 5_000]
const SLOW_AFTER_LOOKS = 6
/** Back without a word from the sheet: so many definite «not paid» are needed before paying is offered again. */
const LOOKS_WITHOUT_WORD = 2

/** `open`: not paid, and can be; `moving`: paid, but not everything that follows has happened; `settled`: decided. */
export type Money = 'open' | 'moving' | 'settled'
export type Word = Left | 'cancel'

export interface Returning {
  /** The outcome is not known yet: no second payment is offered. */
  isUnknown: Readonly<Ref<boolean>>
  isSlow: Readonly<Ref<boolean>>
  problem: Readonly<ShallowRef<Problem | null>>
  /** Before leaving for the sheet. */
  leave(): void
}

/** `key` names what is paid, also after the page was left; `ended` hears how the asking ended, `known` null: it is gone. */
export function useReturning<T>(options: {
  key: () => string
  look: () => Promise<T>
  money: (known: T) => Money
  seen: (known: T) => void
  ended: (known: T | null, word: Word) => void
  arrived?: () => void
}): Returning {
  const route = useRoute()
  const router = useRouter()
  const isUnknown = ref(false)
  const isSlow = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let looks = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  let isOver = false

  function settle(word: Word): void {
    if (timer !== null) clearTimeout(timer)
    isUnknown.value = true
    isSlow.value = false
    looks = 0
    void look(word)
  }

  async function look(word: Word): Promise<void> {
    timer = null
    try {
      const known = await options.look()
      if (isOver) return
      options.seen(known)
      problem.value = null
      isSlow.value = ++looks >= SLOW_AFTER_LOOKS
      if (isDecided(options.money(known), word)) return finish(known, word)
    } catch (thrown) {
      if (isOver) return
      problem.value = Problem.from(thrown)
      // Not ours, or gone: more looking finds nothing.
      if (problem.value.status === 404) return finish(null, word)
    }
    if (!isOver) timer = setTimeout(() => void look(word), PAUSES_MS[Math.min(looks, PAUSES_MS.length - 1)])
  }

  function isDecided(money: Money, word: Word): boolean {
    if (money !== 'open') return money === 'settled'
    if (word === 'cancel') return true
    // The sheet said «paid»: a second payment is never offered, however long the confirmation takes.
    return word === 'left' && looks >= LOOKS_WITHOUT_WORD
  }

  function finish(known: T | null, word: Word): void {
    rememberPaying(options.key(), null)
    isUnknown.value = false
    options.ended(known, word)
  }

  function arrive(): void {
    options.arrived?.()
    const word = route.query.wechat_pay
    if (word === 'ok') rememberPaying(options.key(), 'ok')
    const left = leftToPay(options.key())
    if (word === 'ok' || word === 'cancel') settle(word)
    else if (left !== null) settle(left)
    if (word !== undefined) void router.replace({ query: {} })
  }

  /** Back by the browser's own button: the page may come out of the cache as it was left. */
  function shown(event: PageTransitionEvent): void {
    if (event.persisted) arrive()
  }

  onMounted(arrive)
  window.addEventListener('pageshow', shown)
  onScopeDispose(() => {
    isOver = true
    if (timer !== null) clearTimeout(timer)
    window.removeEventListener('pageshow', shown)
  })
  return { isUnknown: readonly(isUnknown), isSlow: readonly(isSlow), problem, leave: () => rememberPaying(options.key(), 'left') }
}

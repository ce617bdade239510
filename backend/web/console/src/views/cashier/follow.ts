// A payment that a phone is asked for: watched until the channel has decided, however the first answer got lost.
import { Problem, serverClock } from '@hospital/kit'
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue'
import type { Payment } from '../../model'
import { askPayment } from './calls'

const ASK_MS = 2_500

export interface Followed {
  /** The latest answer about what is being followed. */
  payment: ShallowRef<Payment | null>
  secondsLeft: ComputedRef<number>
  problem: ShallowRef<Problem | null>
}

/** `settled` hears of the end: succeeded, or closed because nobody paid. */
export function useFollowed(open: () => Payment | null, settled: (payment: Payment) => void): Followed {
  const payment = shallowRef<Payment | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const now = ref(serverClock.now())
  let round = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function ask(mine: number, id: string): Promise<void> {
    try {
      const answer = await askPayment(id)
      if (mine !== round) return
      payment.value = answer
      problem.value = null
    } catch (thrown) {
      if (mine !== round) return
      problem.value = Problem.from(thrown)
    }
    now.value = serverClock.now()
    if (payment.value?.status === 'open') timer = setTimeout(() => void ask(mine, id), ASK_MS)
    else if (payment.value !== null) settled(payment.value)
  }

  watch(
    () => open()?.id ?? null,
    (id) => {
      clearTimeout(timer)
      const mine = ++round
      payment.value = open()
      problem.value = null
      now.value = serverClock.now()
      if (id !== null) timer = setTimeout(() => void ask(mine, id), ASK_MS)
    },
    { immediate: true },
  )
  const tick = setInterval(() => (now.value = serverClock.now()), 1_000)
  onScopeDispose(() => {
    round += 1
    clearTimeout(timer)
    clearInterval(tick)
  })
  const secondsLeft = computed(() =>
    payment.value === null ? 0 : Math.max(0, Math.round((Date.parse(payment.value.pay_until) - now.value) / 1000)),
  )
  return { payment, secondsLeft, problem }
}

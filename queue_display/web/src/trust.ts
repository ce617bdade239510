// How far the glass may be believed, in words: live, paused, cut off, old.
import { formatClock, type Live } from '@hospital/kit'
import { computed, onScopeDispose, ref, watch, type ComputedRef } from 'vue'

const OLD_AFTER_MS = 60_000

export interface Trust {
  level: ComputedRef<'live' | 'connecting' | 'doubtful'>
  words: ComputedRef<string>
  /** A minute without proof: numbers turn grey, the triage desk decides. */
  isOld: ComputedRef<boolean>
}

export function useTrust(live: Live): Trust {
  const now = ref(Date.now())
  const pausedAt = ref<number | null>(null)
  const timer = setInterval(() => void (now.value = Date.now()), 500)
  onScopeDispose(() => clearInterval(timer))

  const phase = computed(() => live.state.value)
  watch(phase, (value) => void (pausedAt.value = value === 'degraded' ? Date.now() : null), { immediate: true })
  const isCut = computed(() => phase.value === 'stale' || phase.value === 'offline')

  return {
    level: computed(() => {
      if (phase.value === 'live' || phase.value === 'connecting') return phase.value
      return 'doubtful'
    }),
    words: computed(() => {
      if (phase.value === 'live') return '实时'
      if (phase.value === 'connecting') return '正在连接'
      if (phase.value === 'degraded') return '实时更新暂停'
      const at = live.freshAt.value
      return at === null ? '连接中断' : `连接中断 ${formatClock(at + live.offsetMs)} 数据`
    }),
    isOld: computed(() => {
      const since = isCut.value ? (live.freshAt.value ?? now.value) : pausedAt.value
      return since !== null && now.value - since > OLD_AFTER_MS
    }),
  }
}

import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** What was typed, once the person pauses: one search per thought, not per key. Emptied, it is empty at once. */
export function useDelayed(source: Ref<string>, ms = 250): Ref<string> {
  const settled = ref(source.value.trim())
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(source, (text) => {
    clearTimeout(timer)
    const wanted = text.trim()
    timer = setTimeout(() => void (settled.value = wanted), wanted === '' ? 0 : ms)
  })
  onScopeDispose(() => clearTimeout(timer))
  return settled
}

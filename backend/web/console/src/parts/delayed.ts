import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** What was typed, once the person pauses: one search per thought, not per key. */
export function useDelayed(source: Ref<string>, ms = 250): Ref<string> {
  const settled = ref(source.value.trim())
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(source, (text) => {
    clearTimeout(timer)
    timer = setTimeout(() => void (settled.value = text.trim()), ms)
  })
  onScopeDispose(() => clearTimeout(timer))
  return settled
}

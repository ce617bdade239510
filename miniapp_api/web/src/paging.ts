// Lists that are read page by page: the first page again and again, older ones when somebody asks.
import { Problem, type Resource } from '@hospital/kit'
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

interface PageOf<T> {
  items: readonly T[]
  next_cursor: string | null
}

export interface Older<T> {
  /** Everything that is known, each once, as it was seen last. */
  all: ComputedRef<T[]>
  isMore: ComputedRef<boolean>
  isLoading: Ref<boolean>
  problem: Ref<Problem | null>
  more: () => Promise<void>
}

export function useOlder<T extends { id: string }>(
  first: Resource<PageOf<T>>,
  fetchPage: (cursor: string) => Promise<PageOf<T>>,
): Older<T> {
  const older = shallowRef<T[]>([])
  const further = shallowRef<string | null | undefined>()
  const isLoading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const cursor = computed(() => (further.value === undefined ? (first.data.value?.next_cursor ?? null) : further.value))
  const all = computed(() => [...new Map([...older.value, ...(first.data.value?.items ?? [])].map((one) => [one.id, one])).values()])

  // What something newer pushed off the first page stands on no page that was read: it is kept.
  watch(first.data, (now, before) => {
    if (further.value === undefined || now === undefined || before === undefined) return
    const here = new Set([...now.items, ...older.value].map((one) => one.id))
    const pushed = before.items.filter((one) => !here.has(one.id))
    if (pushed.length > 0) older.value = [...pushed, ...older.value]
  })

  async function more(): Promise<void> {
    if (cursor.value === null || isLoading.value) return
    isLoading.value = true
    problem.value = null
    try {
      const page = await fetchPage(cursor.value)
      older.value = [...older.value, ...page.items]
      further.value = page.next_cursor
    } catch (thrown) {
      problem.value = Problem.from(thrown)
    } finally {
      isLoading.value = false
    }
  }
  return { all, isMore: computed(() => cursor.value !== null), isLoading, problem, more }
}

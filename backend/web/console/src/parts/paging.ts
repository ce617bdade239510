// Lists that come page by page: the first like any resource, further ones on demand.
import { Problem, useResource, type Resource } from '@hospital/kit'
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { Page } from '../model'

export interface Paged<T> {
  first: Resource<Page<T>>
  items: ComputedRef<T[]>
  hasMore: ComputedRef<boolean>
  isLoadingMore: Ref<boolean>
  moreProblem: Ref<Problem | null>
  more(): Promise<void>
}

/**
 * The row that stands open beside its list; `id` null closes it.
 * While the list is fetched anew the row may be missing for a moment: it stays as it was last seen.
 */
export function useOpened<T extends { id: string }>(items: ComputedRef<T[]>): { id: Ref<string | null>; row: ShallowRef<T | null> } {
  const id = ref<string | null>(null)
  const row = shallowRef(null) as ShallowRef<T | null>
  watch([id, items], () => {
    row.value = id.value === null ? null : (items.value.find((one) => one.id === id.value) ?? row.value)
  }, { flush: 'sync' })
  return { id, row }
}

/** `fetch` reads its filters reactively through `watch`, as in useResource. */
export function usePaged<T>(
  fetch: (cursor: string | null, signal?: AbortSignal) => Promise<Page<T>>,
  watched: () => unknown,
): Paged<T> {
  const further = shallowRef<T[]>([])
  const cursor = ref<string | null>(null)
  const isLoadingMore = ref(false)
  const moreProblem = shallowRef<Problem | null>(null)
  const first = useResource((signal) => fetch(null, signal), { watch: watched })
  let round = 0

  // A new first page makes everything fetched after the old one meaningless.
  watch(first.data, (page) => {
    round += 1
    further.value = []
    moreProblem.value = null
    isLoadingMore.value = false
    cursor.value = page?.next_cursor ?? null
  })

  async function more(): Promise<void> {
    if (cursor.value === null || isLoadingMore.value) return
    const mine = round
    isLoadingMore.value = true
    moreProblem.value = null
    try {
      const page = await fetch(cursor.value)
      if (mine !== round) return
      further.value = [...further.value, ...page.items]
      cursor.value = page.next_cursor
    } catch (thrown) {
      if (mine === round) moreProblem.value = Problem.from(thrown)
    } finally {
      if (mine === round) isLoadingMore.value = false
    }
  }

  return {
    first,
    items: computed(() => [...(first.data.value?.items ?? []), ...further.value]),
    hasMore: computed(() => cursor.value !== null),
    isLoadingMore,
    moreProblem,
    more,
  }
}

import type { Resource } from '@hospital/kit'
import { describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, readonly, ref, shallowRef } from 'vue'
import { useOlder } from '../src/paging'

// Only the class of problems is wanted of it, not its components.
vi.mock('@hospital/kit', () => ({ Problem: Error }))

interface One {
  id: string
}
const page = (ids: string, next_cursor: string | null) => ({ items: [...ids].map((id) => ({ id })), next_cursor })

describe('useOlder', () => {
  it('keeps what something newer pushed off the first page', async () => {
    const data = shallowRef(page('edc', 'c'))
    const first = { data, phase: readonly(ref('ready')), problem: shallowRef(null), isRefreshing: readonly(ref(false)), reload: () => Promise.resolve() }
    const scope = effectScope()
    const older = scope.run(() => useOlder<One>(first as unknown as Resource<ReturnType<typeof page>>, () => Promise.resolve(page('ba', null))))!
    const ids = () => older.all.value.map((one) => one.id).sort().join('')
    expect([ids(), older.isMore.value]).toEqual(['cde', true])
    await older.more()
    expect([ids(), older.isMore.value]).toEqual(['abcde', false])
    data.value = page('fed', 'd')
    await nextTick()
    expect(ids()).toBe('abcdef')
    scope.stop()
  })
})

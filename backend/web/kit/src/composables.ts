// The states every screen has: loading, empty, error, offline, busy, large type.
import { effectScope, onScopeDispose, readonly, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { newKey, Problem } from './api'

export type ResourcePhase = 'loading' | 'ready' | 'empty' | 'error'

export interface Resource<T> {
  data: Readonly<ShallowRef<T | undefined>>
  phase: Readonly<Ref<ResourcePhase>>
  problem: Readonly<ShallowRef<Problem | null>>
  /** Fetching while older data stays on the screen. */
  isRefreshing: Readonly<Ref<boolean>>
  reload(): Promise<void>
}

/**
 * A read that a screen shows: give `fetch` a function of nothing but its reactive sources and the signal.
 * A newer reload cancels the older; a failed refresh keeps the data and sets `problem`.
 */
export function useResource<T>(
  fetch: (signal: AbortSignal) => Promise<T>,
  options: { isEmpty?: (data: T) => boolean; watch?: () => unknown } = {},
): Resource<T> {
  const data = shallowRef<T>()
  const phase = ref<ResourcePhase>('loading')
  const problem = shallowRef<Problem | null>(null)
  const isRefreshing = ref(false)
  const isEmpty = options.isEmpty ?? nothingIn
  let current: AbortController | null = null

  async function reload(): Promise<void> {
    current?.abort()
    const mine = (current = new AbortController())
    if (data.value === undefined) phase.value = 'loading'
    isRefreshing.value = true
    try {
      const answer = await fetch(mine.signal)
      if (mine !== current) return
      data.value = answer
      problem.value = null
      phase.value = isEmpty(answer) ? 'empty' : 'ready'
    } catch (thrown) {
      if (mine !== current) return
      problem.value = Problem.from(thrown)
      if (data.value === undefined) phase.value = 'error'
    } finally {
      if (mine === current) isRefreshing.value = false
    }
  }

  function restart(): void {
    data.value = undefined
    void reload()
  }

  if (options.watch !== undefined) watch(options.watch, restart)
  onScopeDispose(() => {
    const last = current
    current = null
    last?.abort()
  })
  void reload()
  return { data: data as Readonly<ShallowRef<T | undefined>>, phase: readonly(phase), problem, isRefreshing, reload }
}

function nothingIn(data: unknown): boolean {
  if (data === null || data === undefined) return true
  const items = Array.isArray(data) ? data : (data as { items?: unknown }).items
  return Array.isArray(items) && items.length === 0
}

export interface Submit<I, T> {
  isBusy: Readonly<Ref<boolean>>
  problem: Readonly<ShallowRef<Problem | null>>
  /** Undefined when it failed (see `problem`) or when a twin is under way (double tap). */
  run(input: I): Promise<T | undefined>
  clear(): void
}

/**
 * One act of a person. Until the server has decided about it (no answer, 5xx, signed out, too many at once) a repeat of
 * the same input carries the same Idempotency-Key, so that pressing again never books twice; a decision or another
 * input starts a new key.
 */
export function useSubmit<I, T>(act: (input: I, idempotencyKey: string) => Promise<T>): Submit<I, T> {
  const isBusy = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let open: { key: string; input: string } | null = null

  async function run(input: I): Promise<T | undefined> {
    if (isBusy.value) return undefined
    const text = JSON.stringify(input) ?? ''
    if (open?.input !== text) open = { key: newKey(), input: text }
    isBusy.value = true
    problem.value = null
    try {
      const answer = await act(input, open.key)
      open = null
      return answer
    } catch (thrown) {
      problem.value = Problem.from(thrown)
      if (problem.value.isDecided) open = null
      return undefined
    } finally {
      isBusy.value = false
    }
  }

  return { isBusy: readonly(isBusy), problem, run, clear: () => void (problem.value = null) }
}

/** Whether this device has a network at all; an answer from the server is another matter. */
export function useOnline(): Readonly<Ref<boolean>> {
  const online = ref(navigator.onLine)
  const look = (): void => void (online.value = navigator.onLine)
  window.addEventListener('online', look)
  window.addEventListener('offline', look)
  onScopeDispose(() => {
    window.removeEventListener('online', look)
    window.removeEventListener('offline', look)
  })
  return readonly(online)
}

const ELDER_KEY = 'hospital.elder'
const elder = ref(false)
let remembersElder = true
let isElderStarted = false

/**
 * 长辈版: one switch for the whole page, the `elder` class on <html>.
 * A kiosk's first call passes `remember: false`: the next person starts afresh.
 */
export function useElder(options: { remember?: boolean } = {}): Ref<boolean> {
  if (isElderStarted) return elder
  isElderStarted = true
  remembersElder = options.remember ?? true
  elder.value = remembersElder && recall()
  // Detached: the component that happened to ask first must not take the switch with it.
  effectScope(true).run(() => watch(elder, applyElder, { immediate: true, flush: 'sync' }))
  return elder
}

function applyElder(on: boolean): void {
  document.documentElement.classList.toggle('elder', on)
  if (remembersElder) keep(on)
}

function recall(): boolean {
  try {
    return localStorage.getItem(ELDER_KEY) === '1'
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
    return false
  }
}

function keep(on: boolean): void {
  try {
    localStorage.setItem(ELDER_KEY, on ? '1' : '0')
  } catch {
    // As above.
  }
}

// One room's queue: read when something changed, acted on one step at a time, never ahead of the server.
import { createLive, useResource, useSubmit, type Live, type Resource } from '@hospital/kit'
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import { confirm, sayNote } from '../../feedback'
import type { DoctorQueue, QueueRow, Room } from '../../model'
import { sessionEnded, signedInAgain } from '../../session'
import { callNext, moveTicket, queueOf, type Move } from './calls'

const HINTS_TOGETHER_MS = 200
const WITHOUT_LINK_MS = 10_000

/** The socket's session has ended: it is opened again when the log-in over the page is done. */
async function renew(): Promise<boolean> {
  sessionEnded()
  await signedInAgain()
  return true
}

/** Reads the queue again on every hint of its waiting area, and now and then while the live link is down. */
function useLiveQueue(room: Ref<Room | null>): { live: Live; queue: Resource<DoctorQueue | null> } {
  const live = createLive({ url: '/ws/staff', token: () => null, renew })
  const queue = useResource<DoctorQueue | null>(
    (signal) => (room.value === null ? Promise.resolve(null) : queueOf(room.value.room_id, signal)),
    { watch: () => room.value?.room_id },
  )
  let pending: ReturnType<typeof setTimeout> | null = null
  function readSoon(): void {
    pending ??= setTimeout(() => {
      pending = null
      void queue.reload()
    }, HINTS_TOGETHER_MS)
  }
  let leave: (() => void) | null = null
  watch(
    () => room.value?.area_id,
    (area) => {
      leave?.()
      leave = area === undefined ? null : live.subscribe(`queue-area:${area}`, { mode: 'hint', onHint: readSoon })
    },
    { immediate: true },
  )
  const poll = setInterval(() => {
    if (live.state.value !== 'live' && room.value !== null) void queue.reload()
  }, WITHOUT_LINK_MS)
  onScopeDispose(() => {
    clearInterval(poll)
    if (pending !== null) clearTimeout(pending)
    live.close()
  })
  return { live, queue }
}

type Act = { kind: 'call'; roomId: string } | { kind: Move; ticketId: string }

export function useDesk(room: Ref<Room | null>) {
  const { live, queue } = useLiveQueue(room)
  const said = ref('')
  const submit = useSubmit(async (act: Act, key: string) => {
    if (act.kind !== 'call') return { nobody: false, answer: await moveTicket(act.ticketId, act.kind, key) }
    const { ticket } = await callNext(act.roomId, key)
    return { nobody: ticket === null, answer: ticket }
  })

  const called = computed<QueueRow | null>(() => queue.data.value?.called[0] ?? null)
  const serving = computed<QueueRow | null>(() => queue.data.value?.serving[0] ?? null)
  const current = computed(() => serving.value ?? called.value)

  async function act(step: Act, words: string): Promise<void> {
    said.value = ''
    const done = await submit.run(step)
    // Also after a refusal: the usual reason is that the screen was older than the queue.
    await queue.reload()
    if (done?.nobody === true) sayNote('暂无候诊患者')
    else if (done !== undefined) said.value = words
  }

  return {
    live,
    queue,
    current,
    called,
    serving,
    said,
    isBusy: submit.isBusy,
    problem: submit.problem,
    canCall: computed(() => room.value !== null && current.value === null),
    async call(): Promise<void> {
      if (room.value === null || current.value !== null) return
      await act({ kind: 'call', roomId: room.value.room_id }, '已叫号')
    },
    async recall(): Promise<void> {
      if (called.value !== null) await act({ kind: 'recall', ticketId: called.value.ticket_id }, `已重呼 ${called.value.display_no}`)
    },
    async pass(): Promise<void> {
      if (called.value !== null) await act({ kind: 'pass', ticketId: called.value.ticket_id }, `${called.value.display_no} 已过号`)
    },
    async start(): Promise<void> {
      if (called.value !== null) await act({ kind: 'start', ticketId: called.value.ticket_id }, '已开始接诊')
    },
    /** The only step without a way back, so the only one that asks. */
    async finish(): Promise<void> {
      const row = serving.value
      if (row === null || !(await confirm(`结束 ${row.display_no} ${row.name} 的就诊？结束后不能恢复。`, '结束接诊'))) return
      await act({ kind: 'finish', ticketId: row.ticket_id }, `${row.display_no} 就诊已结束`)
    },
    async bringBack(row: QueueRow): Promise<void> {
      await act({ kind: 'return', ticketId: row.ticket_id }, `${row.display_no} 已召回到候诊队列`)
    },
  }
}

import { describe, expect, it } from 'vitest'
import { callOrder, callsOf, replay, roomsOf, type BoardTicket } from '../src/board'
import { CallWatch } from '../src/calls'

let made = 0
function ticket(changed: Partial<BoardTicket> = {}): BoardTicket {
  const number = String(++made).padStart(3, '0')
  return {
    id: `01a204bf-0000-7000-8000-000000000${number}`,
    display_no: `A${number}`,
    name: '张*丰',
    status: 'waiting',
    priority: 'normal',
    room: null,
    department: '便民门诊',
    doctor: '林宇',
    call_count: 0,
    called_at: null,
    order_at: '2026-03-05T08:00:00Z',
    ...changed,
  }
}
const numbers = (tickets: BoardTicket[]): string[] => tickets.map((one) => one.display_no)

describe('the order of calls', () => {
  it('takes emergencies first, then the time to the microsecond, then who came first', () => {
    const late = ticket({ order_at: '2026-03-05T08:00:00.000002Z' })
    const early = ticket({ order_at: '2026-03-05T08:00:00.000001Z' })
    const whole = ticket({ order_at: '2026-03-05T08:00:00Z' })
    const twin = ticket({ order_at: '2026-03-05T16:00:00+08:00' })
    const urgent = ticket({ order_at: '2026-03-05T09:00:00Z', priority: 'emergency' })
    const sorted = [late, twin, early, whole, urgent].sort(callOrder)
    expect(sorted).toEqual([urgent, whole, twin, early, late])
  })
})

describe('replay', () => {
  it('puts a changed ticket in its new place and drops those who have left', () => {
    const [first, second, third] = [ticket(), ticket(), ticket()]
    const board = replay([first, second, third], [])
    const called = { ...third, status: 'called' as const, call_count: 1 }
    const gone = { ...first, status: 'finished' as const }
    expect(replay(board, [called, gone])).toEqual([second, called])
  })

  it('gives the same board whether changes come one by one or together', () => {
    const start = [ticket(), ticket(), ticket()]
    const changes = [
      { ...start[1]!, status: 'called' as const },
      ticket({ priority: 'emergency' }),
      { ...start[0]!, status: 'cancelled' as const },
      { ...start[1]!, status: 'passed' as const },
    ]
    const oneByOne = changes.reduce((board, change) => replay(board, [change]), start)
    expect(oneByOne).toEqual(replay(start, changes))
  })
})

describe('what the screen makes of it', () => {
  it('shows the newest call first', () => {
    const older = ticket({ status: 'called', called_at: '2026-03-05T08:00:01Z' })
    const newer = ticket({ status: 'called', called_at: '2026-03-05T08:00:01.5Z' })
    expect(numbers(callsOf([older, ticket(), newer]))).toEqual([newer.display_no, older.display_no])
  })

  it('lists rooms by their numbers with who is called and who is inside', () => {
    const tenth = ticket({ status: 'called', room: '10诊室' })
    const second = ticket({ status: 'serving', room: '2诊室' })
    expect(roomsOf([tenth, second, ticket()])).toEqual([
      { room: '2诊室', doctor: '林宇', called: [], serving: [second.display_no] },
      { room: '10诊室', doctor: '林宇', called: [tenth.display_no], serving: [] },
    ])
  })
})

describe('new calls', () => {
  const now = Date.parse('2026-03-05T08:00:10Z')
  const called = (count: number, at = '2026-03-05T08:00:09Z'): BoardTicket => ({
    ...ticket(),
    id: 'same',
    status: 'called',
    call_count: count,
    called_at: at,
  })

  it('are none on the first board, one per count after it', () => {
    const watch = new CallWatch(() => now)
    expect(watch.news([called(1)])).toEqual([])
    expect(watch.news([called(1)])).toEqual([])
    expect(watch.news([called(2)])).toHaveLength(1)
  })

  it('do not ring for what was called while the line was cut long ago', () => {
    const watch = new CallWatch(() => now)
    watch.news([])
    expect(watch.news([called(1, '2026-03-05T07:59:00Z')])).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { conditionalFetch } from '../src/conditional'

function server() {
  const asked: (string | null)[] = []
  let answer = { tag: '"1"', body: '{"n":1}' }
  const send: typeof fetch = (_input, init) => {
    const known = new Headers(init?.headers).get('If-None-Match')
    asked.push(known)
    if (known === answer.tag) return Promise.resolve(new Response(null, { status: 304 }))
    return Promise.resolve(new Response(answer.body, { headers: { ETag: answer.tag, 'Content-Type': 'application/json' } }))
  }
  return { asked, send, becomes: (next: typeof answer) => (answer = next) }
}

describe('conditionalFetch', () => {
  it('answers a 304 with what it stands for, and a change with the change', async () => {
    const { asked, send, becomes } = server()
    const { fetch } = conditionalFetch(send)
    const read = async () => (await fetch('/a', { method: 'GET' })).json() as Promise<unknown>
    expect([await read(), await read()]).toEqual([{ n: 1 }, { n: 1 }])
    becomes({ tag: '"2"', body: '{"n":2}' })
    expect(await read()).toEqual({ n: 2 })
    expect(asked).toEqual([null, '"1"', '"1"'])
  })
  it('passes the time of every answer on', async () => {
    const dates = ['Mon, 23 Nov 2026 10:00:00 GMT', 'Mon, 23 Nov 2026 10:00:05 GMT']
    const send: typeof fetch = (_input, init) => {
      const known = new Headers(init?.headers).has('If-None-Match')
      const headers = { ETag: '"1"', Date: dates.shift()! }
      return Promise.resolve(new Response(known ? null : '{}', { status: known ? 304 : 200, headers }))
    }
    const { fetch } = conditionalFetch(send)
    const date = async () => (await fetch('/a', { method: 'GET' })).headers.get('Date')
    expect([await date(), await date()]).toEqual(['Mon, 23 Nov 2026 10:00:00 GMT', 'Mon, 23 Nov 2026 10:00:05 GMT'])
  })
  it('forgets when told to, and never conditions a write', async () => {
    const { asked, send } = server()
    const { fetch, clear } = conditionalFetch(send)
    await fetch('/a', { method: 'GET' })
    await fetch('/a', { method: 'POST' })
    clear()
    await fetch('/a', { method: 'GET' })
    expect(asked).toEqual([null, null, null])
  })
})

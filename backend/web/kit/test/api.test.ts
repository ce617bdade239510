import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import { serverClock } from '../src/clock'
import { ApiClient, bearerAuth, clientOf, cookieAuth, newKey, Problem, readCookie, type Tokens } from '../src/api'

type Sent = { url: string; method: string; headers: Headers; body: string | undefined; credentials: string | undefined }
type Reply = Response | Error | 'hang'

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })
}

/** A server that answers in order and remembers what it was sent. */
function server(...replies: Reply[]) {
  const sent: Sent[] = []
  const fake = vi.fn(async (url: unknown, init: RequestInit = {}) => {
    sent.push({
      url: String(url),
      method: init.method ?? 'GET',
      headers: new Headers(init.headers),
      body: init.body as string | undefined,
      credentials: init.credentials,
    })
    const reply = replies.shift() ?? json(200, {})
    if (reply === 'hang') {
      return new Promise<Response>((_, reject) => {
        const stop = () => reject(new DOMException('aborted', 'AbortError'))
        if (init.signal?.aborted) stop()
        init.signal?.addEventListener('abort', stop)
      })
    }
    if (reply instanceof Error) throw reply
    return reply
  })
  return { sent, fetch: fake as unknown as typeof fetch }
}

const noPause = () => Promise.resolve()
const unplugged = () => new TypeError('Failed to fetch')

async function problemFrom(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(Problem)
  return thrown as Problem
}

describe('answers', () => {
  it('gives the JSON of a read, with the query in the address', async () => {
    const { sent, fetch } = server(json(200, { items: [1] }))
    const api = new ApiClient({ fetch })
    const answer = await api.request('GET', '/slots', { query: { day: '2026-03-05', pool: ['a', 'b'], none: null } })
    expect(answer).toEqual({ items: [1] })
    expect(sent[0]!.url).toBe('/slots?day=2026-03-05&pool=a&pool=b')
    expect(sent[0]!.headers.has('Idempotency-Key')).toBe(false)
  })

  it('learns the hospital\'s time from any answer, also a refusal', async () => {
    const later = (ms: number) => ({ Date: new Date(Date.now() + ms).toUTCString() })
    const { fetch } = server(json(200, {}, later(3_600_000)), json(409, { code: 'x' }, later(7_200_000)))
    const api = new ApiClient({ fetch })
    await api.request('GET', '/x')
    expect(Math.abs(serverClock.now() - Date.now() - 3_600_000)).toBeLessThan(2_000)
    await problemFrom(api.request('POST', '/x'))
    expect(Math.abs(serverClock.now() - Date.now() - 7_200_000)).toBeLessThan(2_000)
  })

  it('gives undefined for 204 and a Blob when asked', async () => {
    const { fetch } = server(new Response(null, { status: 204 }), new Response('PNG'))
    const api = new ApiClient({ fetch })
    expect(await api.request('DELETE', '/x')).toBeUndefined()
    expect(await (await api.request<Blob>('GET', '/qr', { as: 'blob' })).text()).toBe('PNG')
  })

  it('sends a Blob as it is and anything else as JSON', async () => {
    const { sent, fetch } = server()
    const api = new ApiClient({ fetch })
    const picture = new Blob(['not really'], { type: 'image/jpeg' })
    await api.request('POST', '/photo', { body: picture })
    await api.request('POST', '/x', { body: { a: 1 } })
    expect(sent[0]!.headers.get('Content-Type')).toBe('image/jpeg')
    expect(sent[0]!.body).toBe(picture)
    expect(sent[1]!.headers.get('Content-Type')).toBe('application/json')
    expect(sent[1]!.body).toBe('{"a":1}')
  })

  it('throws every RFC 9457 field of a refusal', async () => {
    const body = {
      type: 'urn:hospital:field-invalid',
      title: '填写有误',
      status: 422,
      code: 'http.body_invalid',
      detail: '请检查证件号码',
      errors: [{ pointer: '/patient/id~1number', message: '校验码不对' }, { pointer: '/name', message: '必填' }, { nonsense: 1 }],
      request_id: '0190-1',
    }
    const { fetch } = server(json(422, body, { 'Retry-After': '3' }))
    const problem = await problemFrom(new ApiClient({ fetch }).request('POST', '/patients', { body: {} }))
    expect(problem).toMatchObject({ status: 422, code: 'http.body_invalid', title: '填写有误', detail: '请检查证件号码' })
    expect(problem.requestId).toBe('0190-1')
    expect(problem.retryAfter).toBe(3)
    expect(problem.fieldErrors).toEqual({ 'patient.id/number': '校验码不对', name: '必填' })
  })

  it('speaks Chinese for a gateway page without a problem body', async () => {
    const { fetch } = server(new Response('<html>', { status: 502, headers: { 'X-Request-ID': 'r1' } }))
    const problem = await problemFrom(new ApiClient({ fetch }).request('GET', '/x'))
    expect(problem).toMatchObject({ status: 502, code: 'http.502', title: '系统出现问题，请稍后再试', requestId: 'r1' })
  })

  it('calls a broken 200 malformed', async () => {
    const { fetch } = server(new Response('{"a":'))
    expect((await problemFrom(new ApiClient({ fetch }).request('GET', '/x'))).code).toBe('client.malformed')
  })
})

describe('idempotency', () => {
  it('repeats a write under the same key after a network failure', async () => {
    const { sent, fetch } = server(unplugged(), json(201, { id: 'a' }))
    const api = new ApiClient({ fetch, sleep: noPause })
    expect(await api.request('POST', '/appointments', { body: { slot_id: 's' } })).toEqual({ id: 'a' })
    const keys = sent.map((one) => one.headers.get('Idempotency-Key'))
    expect(keys[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(keys).toEqual([keys[0], keys[0]])
  })

  it('takes a new key for another act, and the given key when there is one', async () => {
    const { sent, fetch } = server()
    const api = new ApiClient({ fetch })
    await api.request('POST', '/a')
    await api.request('POST', '/a')
    await api.request('POST', '/a', { idempotencyKey: 'mine' })
    const [first, second, third] = sent.map((one) => one.headers.get('Idempotency-Key'))
    expect(first).not.toBe(second)
    expect(third).toBe('mine')
  })

  it('gives up after its retries and says the outcome is unknown', async () => {
    const { sent, fetch } = server(unplugged(), unplugged(), unplugged())
    const problem = await problemFrom(new ApiClient({ fetch, sleep: noPause }).request('POST', '/a'))
    expect(problem).toMatchObject({ code: 'client.network', isUnanswered: true, isTransient: true })
    expect(sent).toHaveLength(2)
  })

  it('says that the outcome is unknown when the cable is pulled between two attempts', async () => {
    try {
      const pulled = () => Promise.resolve(void vi.stubGlobal('navigator', { onLine: false }))
      const { sent, fetch } = server(unplugged())
      const api = new ApiClient({ fetch, sleep: pulled })
      expect(await problemFrom(api.request('POST', '/pay'))).toMatchObject({ code: 'client.network', isUnanswered: true })
      expect(sent).toHaveLength(1)
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('says so too when the repeat comes too often or meets a gateway, and hears a decision', async () => {
    for (const status of [429, 503]) {
      const { fetch } = server(unplugged(), json(status, {}))
      expect((await problemFrom(new ApiClient({ fetch, sleep: noPause }).request('POST', '/pay'))).code).toBe('client.network')
    }
    const { fetch } = server(unplugged(), json(409, { code: 'payments.not_payable' }))
    expect((await problemFrom(new ApiClient({ fetch, sleep: noPause }).request('POST', '/pay'))).code).toBe('payments.not_payable')
  })

  it('knows a success that was cut off for an unknown outcome', async () => {
    const { fetch } = server(new Response('{"id":', { status: 201 }))
    expect((await problemFrom(new ApiClient({ fetch }).request('POST', '/pay'))).isUnanswered).toBe(true)
  })

  it('never repeats an answered refusal', async () => {
    const { sent, fetch } = server(json(409, { title: '号源已满', code: 'scheduling.slot_full' }))
    const problem = await problemFrom(new ApiClient({ fetch, sleep: noPause }).request('POST', '/a'))
    expect(problem).toMatchObject({ code: 'scheduling.slot_full', isUnanswered: false })
    expect(sent).toHaveLength(1)
  })

  it('makes keys that differ', () => {
    expect(new Set(Array.from({ length: 500 }, newKey)).size).toBe(500)
  })
})

describe('time and network', () => {
  it('times out in words, without a hidden second write', async () => {
    const { sent, fetch } = server('hang')
    const problem = await problemFrom(new ApiClient({ fetch, timeoutMs: 5 }).request('POST', '/pay'))
    expect(problem).toMatchObject({ code: 'client.timeout', title: '网络较慢，没有等到回应，请重试' })
    expect(sent).toHaveLength(1)
  })

  it('tells the caller that it cancelled', async () => {
    const { fetch } = server('hang')
    const stop = new AbortController()
    const work = problemFrom(new ApiClient({ fetch }).request('GET', '/x', { signal: stop.signal }))
    stop.abort()
    expect((await work).isAborted).toBe(true)
  })

  it('sends nothing while offline, except to this machine', async () => {
    vi.stubGlobal('navigator', { onLine: false })
    try {
      const { sent, fetch } = server(json(200, {}))
      expect((await problemFrom(new ApiClient({ fetch }).request('GET', '/x'))).code).toBe('client.offline')
      expect(sent).toHaveLength(0)
      await new ApiClient({ fetch, failWhenOffline: false }).request('GET', '/x')
      expect(sent).toHaveLength(1)
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

function tokenStore(initial: Tokens | null) {
  let tokens = initial
  return { load: () => tokens, save: (next: Tokens | null) => void (tokens = next) }
}

describe('bearer', () => {
  const old = { access_token: 'a1', refresh_token: 'r1' }

  it('refreshes once for requests that fail together', async () => {
    const store = tokenStore(old)
    const refresh = vi.fn(async () => ({ access_token: 'a2', refresh_token: 'r2' }))
    const { sent, fetch } = server(json(401, {}), json(401, {}), json(200, 'x'), json(200, 'y'))
    const api = new ApiClient({ fetch, auth: bearerAuth({ ...store, refresh }) })
    expect(await Promise.all([api.request('GET', '/x'), api.request('GET', '/y')])).toEqual(['x', 'y'])
    expect(refresh).toHaveBeenCalledTimes(1)
    expect(refresh).toHaveBeenCalledWith('r1')
    expect(sent.map((one) => one.headers.get('Authorization'))).toEqual(['Bearer a1', 'Bearer a1', 'Bearer a2', 'Bearer a2'])
  })

  it('takes the token another tab has stored instead of refreshing again', async () => {
    const store = tokenStore(old)
    const refresh = vi.fn()
    const auth = bearerAuth({ ...store, refresh })
    store.save({ access_token: 'other', refresh_token: 'r9' })
    expect(await auth.recover('a1')).toBe(true)
    expect(refresh).not.toHaveBeenCalled()
  })

  it('signs out when the refresh is refused, and keeps the write key on the way', async () => {
    const store = tokenStore(old)
    const onSignedOut = vi.fn()
    const refused = new Problem({ type: 'about:blank', title: '已失效', status: 401, code: 'auth.reused' })
    const auth = bearerAuth({ ...store, refresh: () => Promise.reject(refused), onSignedOut })
    const { fetch } = server(json(401, {}))
    expect((await problemFrom(new ApiClient({ fetch, auth }).request('GET', '/x'))).status).toBe(401)
    expect(store.load()).toBeNull()
    expect(onSignedOut).toHaveBeenCalledOnce()
  })

  it('keeps the session when the refresh got no answer', async () => {
    const store = tokenStore(old)
    const auth = bearerAuth({ ...store, refresh: () => Promise.reject(Problem.client('client.timeout')) })
    const { fetch } = server(json(401, {}))
    expect((await problemFrom(new ApiClient({ fetch, auth }).request('GET', '/x'))).code).toBe('client.timeout')
    expect(store.load()).toEqual(old)
  })

  it('tries a second 401 no further', async () => {
    const store = tokenStore(old)
    const auth = bearerAuth({ ...store, refresh: async () => ({ access_token: 'a2', refresh_token: 'r2' }) })
    const { sent, fetch } = server(json(401, {}), json(401, {}))
    expect((await problemFrom(new ApiClient({ fetch, auth }).request('POST', '/x'))).status).toBe(401)
    expect(sent).toHaveLength(2)
    expect(sent[0]!.headers.get('Idempotency-Key')).toBe(sent[1]!.headers.get('Idempotency-Key'))
  })
})

describe('cookie', () => {
  it('adds the CSRF header to writes only', async () => {
    const { sent, fetch } = server()
    const api = new ApiClient({ fetch, auth: cookieAuth({ csrf: () => 'c1' }) })
    await api.request('GET', '/x')
    await api.request('POST', '/x')
    expect(sent.map((one) => one.headers.get('X-CSRF-Token'))).toEqual([null, 'c1'])
    expect(sent[1]!.credentials).toBe('same-origin')
  })

  it('reports the end of the session', async () => {
    const onSignedOut = vi.fn()
    const { fetch } = server(json(401, {}))
    const api = new ApiClient({ fetch, auth: cookieAuth({ csrf: () => null, onSignedOut }) })
    expect((await problemFrom(api.request('GET', '/x'))).title).toBe('登录已失效，请重新登录')
    expect(onSignedOut).toHaveBeenCalledOnce()
  })

  it('reads one cookie among others', () => {
    expect(readCookie('csrf_token', 'a=1; xcsrf_token=no; csrf_token=v%3D1')).toBe('v=1')
    expect(readCookie('missing', 'a=1')).toBeNull()
  })
})

interface Sample {
  '/appointments/{id}': {
    get: {
      parameters: { path: { id: string }; query?: { full?: boolean } }
      responses: { 200: { content: { 'application/json': { id: string } } }; 404: { content: object } }
    }
    post?: never
  }
  '/appointments': {
    post: {
      parameters: { query?: never; path?: never }
      requestBody: { content: { 'application/json': { slot_id: string } } }
      responses: { 201: { content: { 'application/json': { number: string } } } }
    }
    get: { parameters: { query?: { day?: string } }; responses: { 200: { content: { 'application/json': string[] } } } }
  }
}

describe('typed calls', () => {
  it('fills the path and types the answer from OpenAPI', async () => {
    const { sent, fetch } = server(json(200, { id: 'a/1' }), json(201, { number: 'A1' }), json(200, []))
    const api = new ApiClient<Sample>({ fetch })
    const one = await api.call('GET', '/appointments/{id}', { path: { id: 'a/1' } })
    const made = await api.call('POST', '/appointments', { body: { slot_id: 's' } })
    const all = await api.call('GET', '/appointments')
    expectTypeOf(one).toEqualTypeOf<{ id: string }>()
    expectTypeOf(made).toEqualTypeOf<{ number: string }>()
    expectTypeOf(all).toEqualTypeOf<string[]>()
    // @ts-expect-error the body is required
    expectTypeOf(() => api.call('POST', '/appointments', {})).toBeFunction()
    // @ts-expect-error this path has no POST
    expectTypeOf(() => api.call('POST', '/appointments/{id}', { path: { id: '1' } })).toBeFunction()
    expect(sent[0]!.url).toBe('/appointments/a%2F1')
    expect(JSON.parse(sent[1]!.body!)).toEqual({ slot_id: 's' })
  })

  it('knows the paths below its root and no others', async () => {
    const { sent, fetch } = server(json(200, { id: 'p' }), json(200, {}))
    const api = clientOf('/api/staff/v1', { fetch })
    const patient = await api.call('GET', '/patients/{patient_id}', { path: { patient_id: 'p' } })
    expectTypeOf(patient.sex).toEqualTypeOf<'male' | 'female' | 'unknown'>()
    expectTypeOf(patient.birth_date).toEqualTypeOf<string | null>()
    await api.call('POST', '/tickets/{ticket_id}/pass', { path: { ticket_id: 't' } })
    // @ts-expect-error the phone's API is another one
    expectTypeOf(() => api.call('GET', '/entry')).toBeFunction()
    // @ts-expect-error what stands in the path is no part of the body
    expectTypeOf(() => api.call('POST', '/staff/{staff_id}/roles', { path: { staff_id: 's' }, body: { staff_id: 's', roles: [] } })).toBeFunction()
    // @ts-expect-error no such role
    expectTypeOf(() => api.call('POST', '/staff/{staff_id}/roles', { path: { staff_id: 's' }, body: { roles: ['king'] } })).toBeFunction()
    expect(sent.map((one) => one.url)).toEqual(['/api/staff/v1/patients/p', '/api/staff/v1/tickets/t/pass'])
    expect(sent[1]!.body).toBeUndefined()
  })
})

// The one way pages talk to the server over HTTP.
import { serverClock } from '../clock'
import { anonymous, type Auth } from './auth'
import { newKey } from './key'
import { Problem, problemOf } from './problem'
import type { paths } from './schema'
import type { Answer, Arguments, Below, Input, Method, PathWith } from './typed'

export type Query = Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>

export interface SendOptions {
  /** Give the same key again when a person repeats an act whose outcome is unknown; made here otherwise. */
  idempotencyKey?: string
  signal?: AbortSignal
  timeoutMs?: number
  headers?: Record<string, string>
  /** `no-cache` where the server names its answers (ETag): what has not changed is not sent again. */
  cache?: RequestCache
}

export interface RequestOptions extends SendOptions {
  /** Sent as JSON; a Blob as it is. */
  body?: unknown
  query?: Query
  as?: 'json' | 'text' | 'blob'
}

export interface ClientOptions {
  baseUrl?: string
  auth?: Auth
  timeoutMs?: number
  /** Further attempts after a network failure; a write repeats under the same Idempotency-Key. */
  retries?: number
  /** False where the server is on this machine (kiosk agent): loopback works without a network. */
  failWhenOffline?: boolean
  fetch?: typeof fetch
  sleep?: (ms: number) => Promise<void>
}

const WRITES = new Set<string>(['POST', 'PUT', 'PATCH', 'DELETE'])
const RETRY_PAUSE_MS = 400

export class ApiClient<P extends object = paths> {
  private readonly options: Required<ClientOptions>

  constructor(options: ClientOptions = {}) {
    this.options = {
      baseUrl: '',
      auth: anonymous,
      timeoutMs: 10_000,
      retries: 1,
      failWhenOffline: true,
      // Bound late: tests and the browser both replace the global.
      fetch: (input, init) => fetch(input, init),
      sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)),
      ...options,
    }
  }

  /** A call whose path, parameters, body and answer are checked against the OpenAPI document. */
  call<M extends Method, U extends PathWith<P, M>>(
    method: M,
    path: U,
    ...[input]: Arguments<Input<P, U, M>, SendOptions>
  ): Promise<Answer<P, U, M>> {
    const { path: parameters, ...rest } = (input ?? {}) as RequestOptions & { path?: Record<string, unknown> }
    return this.request<Answer<P, U, M>>(method, fillPath(path, parameters), rest)
  }

  /** A call by plain path, for what OpenAPI does not describe (pictures, exports). Throws `Problem` only. */
  async request<T = unknown>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const key = WRITES.has(method) ? (options.idempotencyKey ?? newKey()) : undefined
    let unanswered: Problem | null = null
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this.authorizedSend(method, path, options, key)
        return (await readBody(response, options.as ?? 'json')) as T
      } catch (thrown) {
        const problem = Problem.from(thrown)
        const mayHelp = problem.code === 'client.network' && options.signal?.aborted !== true
        // A repeat that never got through (no network by now, too many at once) says nothing about the first attempt.
        if (!mayHelp || attempt >= this.options.retries) throw problem.isDecided ? problem : (unanswered ?? problem)
        if (key !== undefined) unanswered = problem
        await this.options.sleep(RETRY_PAUSE_MS * 2 ** attempt)
      }
    }
  }

  private async authorizedSend(method: Method, path: string, options: RequestOptions, key?: string): Promise<Response> {
    for (let fresh = true; ; fresh = false) {
      const headers = new Headers({ Accept: 'application/json', ...options.headers })
      if (key !== undefined) headers.set('Idempotency-Key', key)
      const proof = await this.options.auth.authorize(headers, method)
      const response = await this.send(method, path, headers, options)
      if (response.ok) return response
      const problem = await problemOf(response)
      if (response.status === 401 && fresh && (await this.options.auth.recover(proof))) continue
      throw problem
    }
  }

  private async send(method: Method, path: string, headers: Headers, options: RequestOptions): Promise<Response> {
    if (this.options.failWhenOffline && !isOnline()) throw Problem.client('client.offline')
    const init: RequestInit = { method, headers, credentials: this.options.auth.credentials, cache: options.cache ?? 'no-store' }
    if (options.body instanceof Blob) {
      headers.set('Content-Type', options.body.type)
      init.body = options.body
    } else if (options.body !== undefined) {
      headers.set('Content-Type', 'application/json')
      init.body = JSON.stringify(options.body)
    }
    const url = this.options.baseUrl + path + queryString(options.query)
    return bounded(options.signal, options.timeoutMs ?? this.options.timeoutMs, async (signal) => {
      const response = await this.options.fetch(url, { ...init, signal })
      // Every answer tells the time, also where no live connection gets through.
      serverClock.observe(response.headers.get('Date') ?? '')
      // The limit covers the body too: a stalled download is as silent as a stalled answer.
      return buffered(response)
    })
  }
}

/** The client of one API, e.g. `/api/staff/v1`: a call to a path that is not there does not compile. */
export function clientOf<Root extends string>(
  root: Root,
  options: Omit<ClientOptions, 'baseUrl'> = {},
): ApiClient<Below<paths, Root>> {
  return new ApiClient({ ...options, baseUrl: root })
}

function isOnline(): boolean {
  return typeof navigator === 'undefined' || navigator.onLine !== false
}

/** Runs `work` under a time limit and the caller's signal, and says which of the two ended it. */
async function bounded<T>(
  outer: AbortSignal | undefined,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  let timedOut = false
  const stop = (): void => inner.abort()
  const timer = setTimeout(() => {
    timedOut = true
    stop()
  }, timeoutMs)
  if (outer?.aborted) stop()
  outer?.addEventListener('abort', stop)
  try {
    return await work(inner.signal)
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown
    if (timedOut) throw Problem.client('client.timeout')
    throw Problem.client(outer?.aborted ? 'client.aborted' : 'client.network')
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', stop)
  }
}

const BODILESS = new Set([204, 205, 304])

async function buffered(response: Response): Promise<Response> {
  const { status, statusText, headers } = response
  return new Response(BODILESS.has(status) ? null : await response.blob(), { status, statusText, headers })
}

async function readBody(response: Response, as: 'json' | 'text' | 'blob'): Promise<unknown> {
  if (as === 'blob') return response.blob()
  const text = await response.text()
  if (as === 'text') return text
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem({
      type: 'about:blank',
      title: '服务器的回应无法读取，请稍后再试',
      status: response.status,
      code: 'client.malformed',
      request_id: response.headers.get('X-Request-ID') ?? undefined,
    })
  }
}

export function queryString(query: Query = {}): string {
  const pairs = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(name, String(one))
  }
  const text = pairs.toString()
  return text === '' ? '' : `?${text}`
}

export function fillPath(template: string, parameters: Record<string, unknown> = {}): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name]
    if (value === undefined || value === null || value === '') throw new TypeError(`path parameter ${name} is missing`)
    return encodeURIComponent(String(value))
  })
}

// Places left are asked for every few seconds: with If-None-Match an unchanged answer costs no body.

const KEPT_MAX = 40

interface Kept {
  tag: string
  body: Blob
  type: string
}

/** A `fetch` that turns a 304 into the answer it stands for. */
export function conditionalFetch(send: typeof fetch = (input, init) => fetch(input, init)): { fetch: typeof fetch; clear(): void } {
  const kept = new Map<string, Kept>()

  function keep(url: string, entry: Kept): void {
    kept.delete(url)
    kept.set(url, entry)
    // The oldest goes: a Map remembers the order of insertion.
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value as string)
  }

  async function conditional(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const url = String(input)
    const known = init.method === 'GET' ? kept.get(url) : undefined
    const headers = new Headers(init.headers)
    if (known !== undefined) headers.set('If-None-Match', known.tag)
    const response = await send(input, { ...init, headers })
    const at = response.headers.get('Date')
    const date: Record<string, string> = at === null ? {} : { Date: at }
    if (response.status === 304 && known !== undefined) {
      return new Response(known.body, { status: 200, headers: { 'Content-Type': known.type, ETag: known.tag, ...date } })
    }
    const tag = response.headers.get('ETag')
    if (init.method !== 'GET' || tag === null || !response.ok) return response
    const body = await response.blob()
    const type = response.headers.get('Content-Type') ?? 'application/json'
    keep(url, { tag, body, type })
    return new Response(body, { status: response.status, headers: { 'Content-Type': type, ETag: tag, ...date } })
  }

  return { fetch: conditional, clear: () => kept.clear() }
}

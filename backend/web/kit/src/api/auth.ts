// How a page proves who it is. Phones carry tokens; workstations a session cookie and a CSRF header.
import { Problem } from './problem'
import type { components } from './schema'

export interface Auth {
  /** `same-origin` where the proof is a cookie. */
  readonly credentials: RequestCredentials
  /** Adds the proof; the returned string names the proof used and comes back in `recover`. */
  authorize(headers: Headers, method: string): Promise<string | null>
  /** After a 401: true when there is a new proof and one more attempt makes sense. */
  recover(usedProof: string | null): Promise<boolean>
}

/** No proof: log-in pages, the demo's first page. */
export const anonymous: Auth = {
  credentials: 'omit',
  authorize: () => Promise.resolve(null),
  recover: () => Promise.resolve(false),
}

export type Tokens = Pick<components['schemas']['Session'], 'access_token' | 'refresh_token'>

export interface BearerOptions<T extends Tokens> {
  load(): T | null
  save(tokens: T | null): void
  /** Calls the refresh route. Throws a Problem: 400/401/403/409/422 = the session is over, anything else = try later. */
  refresh(refreshToken: string): Promise<T>
  onSignedOut?(): void
}

/**
 * Access token with single-flight refresh.
 *
 * Refresh tokens rotate and a second use of one ends the session, so however many requests fail at
 * once, one refresh runs per page; other tabs are kept out by a web lock where there is one, and a
 * token another tab has already stored is taken instead of refreshing again.
 */
export function bearerAuth<T extends Tokens>(options: BearerOptions<T>): Auth {
  let running: Promise<boolean> | null = null

  async function refresh(usedProof: string | null): Promise<boolean> {
    const stored = options.load()
    if (stored === null) return false
    if (stored.access_token !== usedProof) return true
    try {
      options.save(await options.refresh(stored.refresh_token))
      return true
    } catch (thrown) {
      const problem = Problem.from(thrown)
      if (problem.status === 0 || problem.isTransient) throw problem
      options.save(null)
      options.onSignedOut?.()
      return false
    }
  }

  return {
    credentials: 'omit',
    authorize(headers) {
      const token = options.load()?.access_token ?? null
      if (token !== null) headers.set('Authorization', `Bearer ${token}`)
      return Promise.resolve(token)
    },
    recover(usedProof) {
      running ??= underLock(() => refresh(usedProof)).finally(() => {
        running = null
      })
      return running
    },
  }
}

function underLock<T>(work: () => Promise<T>): Promise<T> {
  // Absent outside secure contexts and before Chrome 69.
  const locks = typeof navigator === 'undefined' ? undefined : (navigator.locks as LockManager | undefined)
  return locks === undefined ? work() : (locks.request('hospital-refresh', work) as Promise<T>)
}

export interface CookieOptions {
  /** The token for X-CSRF-Token; by default the readable cookie of that name. */
  csrf?: string | (() => string | null)
  onSignedOut?(): void
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Session cookie (HttpOnly, set by the server) plus `X-CSRF-Token` on every write. */
export function cookieAuth(options: CookieOptions = {}): Auth {
  const source = options.csrf ?? 'csrf_token'
  const csrf = typeof source === 'function' ? source : () => readCookie(source)
  return {
    credentials: 'same-origin',
    authorize(headers, method) {
      const token = SAFE.has(method) ? null : csrf()
      if (token !== null) headers.set('X-CSRF-Token', token)
      return Promise.resolve(null)
    },
    recover() {
      options.onSignedOut?.()
      return Promise.resolve(false)
    },
  }
}

export function readCookie(name: string, cookies: string = document.cookie): string | null {
  for (const pair of cookies.split('; ')) {
    const cut = pair.indexOf('=')
    if (cut > 0 && pair.slice(0, cut) === name) return decodeURIComponent(pair.slice(cut + 1))
  }
  return null
}

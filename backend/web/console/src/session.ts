// Who is at this workstation. The session itself is an HttpOnly cookie; the page only knows whose it is.
import { clientOf, cookieAuth, Problem, type Auth } from '@hospital/kit'
import { computed, readonly, ref, shallowRef } from 'vue'
import type { ChangeOwnPassword, LogIn, Permission, SessionAnswer, StaffRole } from './model'

export interface StaffSession {
  staff: NonNullable<SessionAnswer['staff']>
  roles: readonly StaffRole[]
  permissions: ReadonlySet<Permission>
  csrf: string
  /** Printed on receipts and reports. */
  hospital: string
  /** A colleague chose the present password: nothing else may be done before another is chosen. */
  mustChangePassword: boolean
}

export const ROOT = '/api/staff/v1'
const current = shallowRef<StaffSession | null>(null)
const ended = ref(false)
export const session = computed(() => current.value)
/** True when the session ended by itself: idle for too long, or signed out or withdrawn elsewhere. The page stays. */
export const wasEnded = readonly(ended)
let waiting: (() => void)[] = []

const csrf = (): string | null => current.value?.csrf ?? null
const cookie = cookieAuth({ csrf })

/** For log-in itself: a wrong password is an answer, not the end of a session. */
const front = clientOf(ROOT, { auth: cookie })

/**
 * For everything behind the log-in. When the session has ended the log-in covers the page and nothing typed is lost:
 * reads wait and are sent again, what a person did is done by pressing once more.
 */
const behind: Auth = {
  ...cookie,
  async authorize(headers, method) {
    await signedInAgain()
    await cookie.authorize(headers, method)
    return `${method} ${csrf()}`
  },
  async recover(proof) {
    if (current.value === null) return false
    const [method, used] = proof!.split(' ')
    // An answer to what was sent before the log-in ends nothing any more.
    if (used === csrf()) sessionEnded()
    await signedInAgain()
    if (method === 'GET') return true
    throw new Problem({ type: 'about:blank', title: '已重新登录，请再按一次', status: 401, code: 'client.signed_in_again' })
  },
}
export const api = clientOf(ROOT, { auth: behind })

export function can(permission: Permission): boolean {
  return current.value?.permissions.has(permission) ?? false
}

export async function logIn(body: LogIn, idempotencyKey: string): Promise<void> {
  take(await front.call('POST', '/sessions', { body, idempotencyKey }))
}

/** Takes up the session of the cookie after a reload; false when there is none. Throws when nobody could say. */
export async function resume(): Promise<boolean> {
  if (current.value !== null) return true
  // Nobody signed in is an answer, and no error in the browser's console.
  take(await front.call('GET', '/session'))
  return current.value !== null
}

export async function logOut(): Promise<void> {
  try {
    await front.call('POST', '/session/end')
  } catch (thrown) {
    // Already over on the server: that is what was wanted.
    if (Problem.from(thrown).status !== 401) throw thrown
  }
  current.value = null
}

/** This session goes on, with all its rights; all others of the account end. */
export async function changePassword(body: ChangeOwnPassword): Promise<void> {
  take(await api.call('POST', '/session/password', { body }))
}

/** The server no longer knows the session. */
export function sessionEnded(): void {
  if (current.value !== null) ended.value = true
}

/** The log-in may have been done in another tab of this workstation. */
export async function lookAgain(): Promise<void> {
  const answer = await front.call('GET', '/session')
  if (ended.value && answer.staff !== null) take(answer)
}

/** At once while the session stands; else when its own person has signed in again. */
export function signedInAgain(): Promise<void> {
  return ended.value ? new Promise((goOn) => waiting.push(goOn)) : Promise.resolve()
}

function take(answer: SessionAnswer): void {
  if (answer.staff === null || answer.csrf_token === null) {
    current.value = null
    return
  }
  // Somebody else sits down at the workstation: they see nothing of what was open, and nothing of it is sent.
  if (ended.value && current.value?.staff.id !== answer.staff.id) return location.assign('/console/')
  current.value = {
    staff: answer.staff,
    roles: answer.roles,
    permissions: new Set(answer.permissions),
    csrf: answer.csrf_token,
    hospital: answer.hospital_name,
    mustChangePassword: answer.must_change_password,
  }
  ended.value = false
  const all = waiting
  waiting = []
  for (const goOn of all) goOn()
}

// Who is at this workstation. The session itself is an HttpOnly cookie; the page only knows whose it is.
import { clientOf, cookieAuth, Problem } from '@hospital/kit'
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
/** True when the last session ended by itself: idle for too long, or signed out or withdrawn elsewhere. */
export const wasEnded = readonly(ended)

const csrf = (): string | null => current.value?.csrf ?? null

/** For log-in itself: a wrong password is an answer, not the end of a session. */
const front = clientOf(ROOT, { auth: cookieAuth({ csrf }) })
/** For everything behind the log-in; a 401 leads back to it. */
export const api = clientOf(ROOT, { auth: cookieAuth({ csrf, onSignedOut: sessionEnded }) })

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
  if (current.value === null) return
  ended.value = true
  current.value = null
}

function take(answer: SessionAnswer): void {
  if (answer.staff === null || answer.csrf_token === null) {
    current.value = null
    return
  }
  ended.value = false
  current.value = {
    staff: answer.staff,
    roles: answer.roles,
    permissions: new Set(answer.permissions),
    csrf: answer.csrf_token,
    hospital: answer.hospital_name,
    mustChangePassword: answer.must_change_password,
  }
}

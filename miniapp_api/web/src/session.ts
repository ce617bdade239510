// The patient's proof: a short access token and a rotating refresh token, kept on this phone only.
import { bearerAuth, clientOf, type components } from '@hospital/kit'
import { computed, ref, shallowRef } from 'vue'
import { conditionalFetch } from './conditional'

export type Session = components['schemas']['Session']

const STORE = 'hospital.phone.session'
export const ROOT = '/api/miniapp/v1'

const current = shallowRef<Session | null>(read())
const ended = ref(false)
export const isSignedIn = computed(() => current.value !== null)
export const account = computed(() => current.value?.account ?? null)
/** True when the last session was ended by the hospital, not by the person. */
export const wasEnded = computed(() => ended.value)

function read(): Session | null {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? 'null') as Session | null
  } catch {
    // Storage switched off or its content damaged: what this page remembers is all there is.
    return null
  }
}

export function keepSession(session: Session | null): void {
  current.value = session
  if (session !== null) ended.value = false
  else snapshots.clear()
  try {
    if (session === null) localStorage.removeItem(STORE)
    else localStorage.setItem(STORE, JSON.stringify(session))
  } catch {
    // As above: the session lasts as long as the page.
  }
}

export function keepPhone(phone_masked: string): void {
  const session = load()
  if (session !== null) keepSession({ ...session, account: { ...session.account, phone_masked } })
}

/** Another tab may have refreshed since: what is stored is newer than what this page remembers. */
function load(): Session | null {
  return current.value === null ? null : (read() ?? current.value)
}

window.addEventListener('storage', (event) => {
  if (event.key === STORE) current.value = read()
})

/** For signing in itself: a refused code is an answer, not the end of a session. */
export const front = clientOf(ROOT)

export const auth = bearerAuth<Session>({
  load,
  save: keepSession,
  refresh: (refresh_token) => front.call('POST', '/sessions/refresh', { body: { refresh_token } }),
  onSignedOut: () => void (ended.value = true),
})

const snapshots = conditionalFetch()
export const api = clientOf(ROOT, { auth, fetch: snapshots.fetch })

export const accessToken = (): string | null => load()?.access_token ?? null

export async function signOut(): Promise<void> {
  try {
    await api.call('POST', '/sessions/end')
  } finally {
    // Whether or not the hospital heard it, this phone forgets.
    keepSession(null)
  }
}

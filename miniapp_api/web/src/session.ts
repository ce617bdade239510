// The patient's proof: a short access token and a rotating refresh token, kept on this phone only.
import { ApiClient, bearerAuth, type Tokens } from '@hospital/kit'
import { readonly, ref } from 'vue'

const STORE = 'hospital.phone.tokens'
const signedIn = ref(load() !== null)
export const isSignedIn = readonly(signedIn)

function load(): Tokens | null {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? 'null') as Tokens | null
  } catch {
    // Storage switched off or its content damaged: log in again.
    return null
  }
}

export function saveTokens(tokens: Tokens | null): void {
  if (tokens === null) localStorage.removeItem(STORE)
  else localStorage.setItem(STORE, JSON.stringify(tokens))
  signedIn.value = tokens !== null
}

const front = new ApiClient()

export const auth = bearerAuth({
  load,
  save: saveTokens,
  refresh: (refresh_token) => front.request<Tokens>('POST', '/api/miniapp/v1/session/refresh', { body: { refresh_token } }),
})

export const api = new ApiClient({ auth })

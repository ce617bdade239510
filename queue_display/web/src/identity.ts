// Who this screen is: an Ed25519 key it made itself, and the id the hospital gave it.
import { getPublicKey, hashes, sign, utils } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'

// WebCrypto is absent on plain HTTP, and screens hang in plain HTTP networks.
hashes.sha512 = sha512

export interface Identity {
  secretKey: Uint8Array
  deviceId: string | null
}

const STORE = 'hospital.display.identity'

/** The stored identity, or a new one: damaged or forbidden storage makes a new screen, not a broken one. */
export function loadIdentity(): Identity {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE) ?? 'null') as { secret_key: string; device_id: string | null } | null
    if (stored !== null) return { secretKey: fromBase64url(stored.secret_key), deviceId: stored.device_id }
  } catch (thrown) {
    console.warn('display: the stored key cannot be read', thrown)
  }
  return newIdentity()
}

export function newIdentity(): Identity {
  return { secretKey: utils.randomSecretKey(), deviceId: null }
}

export function saveIdentity({ secretKey, deviceId }: Identity): void {
  try {
    localStorage.setItem(STORE, JSON.stringify({ secret_key: toBase64url(secretKey), device_id: deviceId }))
  } catch (thrown) {
    // The screen works until it is switched off; then somebody has to pair it again.
    console.warn('display: the key cannot be stored', thrown)
  }
}

export function publicKeyOf(identity: Identity): string {
  return toBase64url(getPublicKey(identity.secretKey))
}

/** Ed25519 over the text's UTF-8 bytes, base64url. */
export function signText(identity: Identity, text: string): string {
  return toBase64url(sign(new TextEncoder().encode(text), identity.secretKey))
}

function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

function fromBase64url(text: string): Uint8Array {
  const bytes = Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0))
  if (bytes.length !== 32) throw new RangeError('not an Ed25519 key')
  return bytes
}

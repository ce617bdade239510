// /api/display/v1 as this screen uses it.
import { ApiClient, Problem, type components } from '@hospital/kit'
import { publicKeyOf, signText, type Identity } from './identity'

type DeviceStatus = components['schemas']['DeviceStatus']

/** `unknown`: the hospital has no such device (any more). */
type Refusal = Exclude<DeviceStatus, 'active'> | 'unknown'
export type SignIn = { as: 'active'; token: string; expiresInS: number } | { as: Refusal }

const REFUSALS: Record<string, Refusal> = {
  'device.pending': 'pending',
  'device.revoked': 'revoked',
  'device.unknown': 'unknown',
}
const SOFTWARE = 'display-page/0.1'
const api = new ApiClient()

export function requestPairing(identity: Identity) {
  const body = { public_key: publicKeyOf(identity), software: SOFTWARE }
  return api.call('POST', '/api/display/v1/pairings', { body })
}

/** Asked every few seconds while the code is on the glass; no refusal, so that the browser has nothing to complain of. */
export async function pairingStatus(deviceId: string): Promise<DeviceStatus> {
  return (await api.call('GET', '/api/display/v1/pairings/{device_id}', { path: { device_id: deviceId } })).status
}

/** Throws a Problem only where the hospital gave no answer about this device. */
export async function signIn(identity: Identity): Promise<SignIn> {
  if (identity.deviceId === null) return { as: 'unknown' }
  const device_id = identity.deviceId
  try {
    const { challenge } = await api.call('POST', '/api/display/v1/device-challenges', { body: { device_id } })
    const body = { device_id, challenge, signature: signText(identity, challenge) }
    const { access_token, expires_in } = await api.call('POST', '/api/display/v1/device-tokens', { body })
    return { as: 'active', token: access_token, expiresInS: expires_in }
  } catch (thrown) {
    const refusal = REFUSALS[Problem.from(thrown).code]
    if (refusal === undefined) throw thrown
    return { as: refusal }
  }
}

export function thisScreen(token: string) {
  return api.call('GET', '/api/display/v1/device', { headers: { Authorization: `Bearer ${token}` } })
}

/** What the glass shows to whoever checks in with a phone. */
export function presenceCode(token: string) {
  return api.call('GET', '/api/display/v1/presence-code', { headers: { Authorization: `Bearer ${token}` } })
}

/** The demo's administrator types the code; elsewhere this address does not exist. */
export async function pairInDemo(code: string): Promise<void> {
  await api.call('POST', '/demo/pair-display', { body: { code } })
}

/** Where the demo is open now: from one day to the next that may be another area. */
export async function areaOfDemo(): Promise<string> {
  return (await api.call('GET', '/demo.json')).now.area_id
}
